//! The kinds of plots, a file for each, which holds all that is particular to it: the function that
//! makes it, what it draws, how far it reaches, its sample in a legend, its words and its sketch. A new kind
//! is a new file, its line here, and its function's name in the list of the room above.

pub(super) mod area;
pub(super) mod bar;
pub(super) mod between;
pub(super) mod boxplot;
pub(super) mod contour;
pub(super) mod contourf;
pub(super) mod errorbars;
pub(super) mod heatmap;
pub(super) mod hist;
pub(super) mod image;
pub(super) mod line;
pub(super) mod scatter;
pub(super) mod stem;
pub(super) mod steps;
