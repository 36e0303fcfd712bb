//! What a running cell asks that only the engine knows, and the answer as it goes back. Who knows it is not known here.

use ferrolab_base::frame::Reply;

/// A function: its object, by its place in a list, and its place in that, in bytes.
pub type Place = (u32, u64);

/// Who answers.
pub trait Answers {
    /// Where a line and column of a generated file stand, as the user knows that place.
    fn locate(&self, file: &str, line: u32, column: u32) -> Option<String>;
    /// Code of these objects, compiled for another processor: its objects, and where functions of the first ones are in
    /// them. It may take minutes.
    ///
    /// # Errors
    /// Why there is none.
    fn recompile(
        &mut self,
        processor: &str,
        objects: &[String],
        places: &[Place],
    ) -> Result<(Vec<String>, Vec<Place>), String>;
}

/// The answer to a question for code for another processor.
pub(super) fn recompiled(answers: &mut dyn Answers, processor: &str, objects: &[String], places: &[Place]) -> Reply {
    match answers.recompile(processor, objects, places) {
        Ok((objects, places)) => Reply::Recompiled { objects, places, problem: String::new() },
        Err(problem) => Reply::Recompiled { objects: Vec::new(), places: Vec::new(), problem },
    }
}
