//! Code of cells for other processors: workers of a cluster may have lesser ones than the notebook. The objects that a
//! closure needs are compiled once more, from the texts that they were made of, against an environment for that
//! processor. Nothing of it is loaded here, so that no variable is touched; who wants it is not known.
//!
//! A function is found again by its name in the object: all that names are made of (crates' identities and types) is the
//! same in both.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Engine;
use super::compile::{CompileError, Flags, ItemsCrate, Job, metadata_of};
use super::environment::{Environment, Identity};
use super::generate::CrateKind;
use super::items::Name;
use super::recipe::Recipe;
use super::shelf::{Hints, OBJECT};
use super::symbols::Symbols;

/// A function: its object, by its place in a list, and its place in that, in bytes.
type Place = (u32, u64);

/// What a crate was compiled from.
#[derive(Debug)]
struct Ingredients {
    name: String,
    kind: CrateKind,
    text: String,
    identity: String,
    flags: Flags,
    /// The crates that it is linked to, by their hashes.
    linked: Vec<(Name, String)>,
    named: BTreeSet<Name>,
}

/// What crates of a session were compiled from, by their hashes.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<HashMap<String, Arc<Ingredients>>>>);

impl Kept {
    /// Remembers a crate, whether it is compiled now or was before.
    pub(super) fn keep(&self, recipe: &Recipe<'_>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(recipe.hash.clone()).or_insert_with(|| {
            let linked = recipe.linked.iter().map(|(name, made)| (name.clone(), made.hash.clone()));
            Arc::new(Ingredients {
                name: recipe.name.to_owned(),
                kind: recipe.generated.kind,
                text: recipe.generated.source.text().to_owned(),
                // As `compile` has it.
                identity: if recipe.identity.is_empty() { recipe.hash.clone() } else { recipe.identity.to_owned() },
                flags: recipe.flags.clone(),
                linked: linked.collect(),
                named: recipe.generated.needs.clone(),
            })
        });
    }

    fn of(&self, hash: &str) -> Option<Arc<Ingredients>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }
}

impl Engine {
    /// The same objects for the processor of another environment, and where functions of theirs are in those: each its
    /// object, by its place in the list, and its place in that, in bytes.
    ///
    /// # Errors
    /// A sentence for the user: what rustc said, that he interrupted, or that an object is of no cell of this session.
    pub fn recompile(
        &self,
        there: &Environment,
        objects: &[PathBuf],
        places: &[Place],
    ) -> Result<(Vec<PathBuf>, Vec<Place>), String> {
        let layers = (self.environment.libraries().collect::<Vec<_>>(), there.libraries().collect::<Vec<_>>());
        let mut made = HashMap::new();
        let mut found: Vec<PathBuf> = layers.1.iter().map(|path| path.to_path_buf()).collect();
        // Each object's counterpart, by its place in the new list.
        let mut counterparts = Vec::with_capacity(objects.len());
        for object in objects {
            if let Some(at) = layers.0.iter().position(|layer| *layer == object) {
                counterparts.push(at);
                continue;
            }
            let path = self.remade(object, there, &mut made)?;
            counterparts.push(found.len());
            found.push(path);
        }
        if layers.0.len() != layers.1.len() {
            return Err(format!(
                "dependencies of {} stand otherwise there than here; `:restart` makes them anew",
                there.options.target_cpu
            ));
        }
        let mut known = HashMap::new();
        let places = places.iter().map(|(object, offset)| {
            let at = *counterparts.get(*object as usize).ok_or("a function in no object")?;
            let (from, to) = (&objects[*object as usize], &found[at]);
            Ok((at as u32, moved(&mut known, from, to, *offset)?))
        });
        let places = places.collect::<Result<_, String>>()?;
        Ok((found, places))
    }

    /// A cell's object for another environment.
    fn remade(
        &self,
        object: &Path,
        there: &Environment,
        made: &mut HashMap<String, ItemsCrate>,
    ) -> Result<PathBuf, String> {
        let own = Symbols::read(object).map_err(|e| format!("cannot read {}: {e}", object.display()))?.own;
        let hash = own.as_deref().and_then(|name| name.strip_prefix("ferrolab-")?.strip_suffix(".so"));
        let hash = hash.ok_or_else(|| format!("{} is no cell of this session", object.display()))?;
        let item = self.twin(hash, there, made).map_err(|e| match e {
            CompileError::Refused(said) => {
                format!("a cell does not compile for {}:\n{said}", there.options.target_cpu)
            }
            other => other.to_string(),
        })?;
        item.object()
    }

    /// A crate for another environment, after those that it is linked to.
    fn twin(
        &self,
        hash: &str,
        there: &Environment,
        made: &mut HashMap<String, ItemsCrate>,
    ) -> Result<ItemsCrate, CompileError> {
        if let Some(known) = made.get(hash) {
            return Ok(known.clone());
        }
        let unknown = || CompileError::Broken("the text of a cell is not known any more; run it again".to_owned());
        let of = self.kept.of(hash).ok_or_else(unknown)?;
        let mut linked = Vec::with_capacity(of.linked.len());
        for (name, hash) in &of.linked {
            linked.push((name.clone(), self.twin(hash, there, made)?));
        }
        let flags = Flags { target_cpu: there.options.target_cpu.clone(), ..of.flags.clone() };
        let name = Identity::default()
            .part("for another processor")
            .part(hash)
            .part(&there.id)
            .part(format!("{flags:?}"))
            .parts(linked.iter().map(|(_, made)| &made.hash))
            .finish();
        let crate_ = match self.shelf.find(&name) {
            Some((directory, _)) => ItemsCrate::finished(name, &of.name, &directory),
            None => self.compile_twin(&of, hash, &name, &flags, &linked, there)?,
        };
        made.insert(hash.to_owned(), crate_.clone());
        Ok(crate_)
    }

    fn compile_twin(
        &self,
        of: &Ingredients,
        hash: &str,
        name: &str,
        flags: &Flags,
        linked: &[(Name, ItemsCrate)],
        there: &Environment,
    ) -> Result<ItemsCrate, CompileError> {
        let bench = self.shelf.bench().map_err(|e| CompileError::unwritable(&e))?;
        let job = Job {
            name: &of.name,
            environment: there,
            flags,
            kind: of.kind,
            text: &of.text,
            // Places in panics are known by that name.
            file: hash,
            hash: name,
            identity: &of.identity,
            linked,
            named: &of.named,
            bench: &bench,
            compiling: &self.compiling,
            check: false,
            spare: Cell::default(),
        };
        let ran = job.run();
        let metadata = metadata_of(&of.name);
        let files: &[&str] = if of.kind == CrateKind::Items { &[OBJECT, &metadata] } else { &[OBJECT] };
        let kept = ran.map(|_| self.shelf.put(name, &bench, files, Hints::default()));
        // Where nothing can be kept, it stays where it was made.
        match kept {
            Ok(Err(_)) => Ok(ItemsCrate::finished(name.to_owned(), &of.name, &bench)),
            Ok(Ok(directory)) => {
                drop(fs::remove_dir_all(&bench));
                Ok(ItemsCrate::finished(name.to_owned(), &of.name, &directory))
            }
            Err(error) => {
                drop(fs::remove_dir_all(&bench));
                Err(error)
            }
        }
    }
}

/// Where the function at an offset of one object is in another.
fn moved(known: &mut HashMap<PathBuf, Symbols>, from: &Path, to: &Path, offset: u64) -> Result<u64, String> {
    for path in [from, to] {
        if !known.contains_key(path) {
            let read = Symbols::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            known.insert(path.to_owned(), read);
        }
    }
    let (here, there) = (&known[from], &known[to]);
    there.counterpart(here, offset).ok_or_else(|| {
        format!("a function of {} is not in {}: run the cell that defined it again", from.display(), to.display())
    })
}
