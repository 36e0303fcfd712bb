//! NumPy's files, written and read; what is no such file is told.

use super::*;
use ndarray::{Array2, Ix1, Ix2, array, s};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that goes with the test.
struct Folder(PathBuf);
impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ferrolab-npy-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read<T: Element>(path: &Path) -> Result<ndarray::ArrayD<T>, String> {
    here().array().npy::<T, IxDyn>(path).and_then(|x| x.compute()).map_err(|e| e.message)
}

#[test]
fn what_is_written_is_read() {
    let folder = Folder::new("round");
    let path = folder.file("a.npy");
    let a = Array2::from_shape_fn((313, 517), |(i, j)| (i * 1000 + j) as f64);
    for x in [lazy(&a), lazy(&a).rechunk([100, 100])] {
        x.to_npy(&path).unwrap();
        let back = here().array().npy::<f64, Ix2>(&path).unwrap();
        assert_eq!(get(&back), a);
        assert_eq!(get(&(back.slice(s![3.., ..;5]) * 2.0).sum()), (&a.slice(s![3.., ..;5]) * 2.0).sum());
    }
    (lazy(&a) + 1.0).to_npy(&path).unwrap();
    assert_eq!(read::<f64>(&path).unwrap(), (&a + 1.0).into_dyn());
    lazy(&array![true, false, true]).to_npy(folder.file("b.npy")).unwrap();
    assert_eq!(read::<bool>(&folder.file("b.npy")).unwrap(), array![true, false, true].into_dyn());
    lazy(&ndarray::arr0(3u8)).to_npy(folder.file("c.npy")).unwrap();
    assert_eq!(read::<u8>(&folder.file("c.npy")).unwrap(), ndarray::arr0(3u8).into_dyn());
    here().array().zeros::<i64, _>([0, 3]).to_npy(folder.file("d.npy")).unwrap();
    assert_eq!(read::<i64>(&folder.file("d.npy")).unwrap().shape(), [0, 3]);
    assert_eq!(folder.names(), ["a.npy", "b.npy", "c.npy", "d.npy"]);
}

#[test]
fn files_of_other_programs_are_read() {
    let folder = Folder::new("others");
    let path = folder.file("f.npy");
    let with = |text: &str, elements: &[u8]| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(elements);
        fs::write(&path, bytes).unwrap();
    };
    let numbers: Vec<u8> = (0..6).flat_map(|i| f64::from(i).to_le_bytes()).collect();
    // Columns one after the other, and elements that are not aligned.
    with("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3)}\n", &numbers);
    assert_eq!(read::<f64>(&path).unwrap(), array![[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]].into_dyn());
    assert_eq!(get(&here().array().npy::<f64, Ix2>(&path).unwrap().sum_axis(0)), array![1.0, 5.0, 9.0]);
    // Whatever is not 0 is true.
    with("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}\n", &[0, 2, 255]);
    assert_eq!(read::<bool>(&path).unwrap(), array![false, true, true].into_dyn());
    assert_eq!(get(&here().array().npy::<bool, Ix1>(&path).unwrap().sum()), 2);
    with("{'descr': '<f8', 'fortran_order': False, 'shape': (7,)}\n", &numbers);
    assert!(read::<f64>(&path).is_err_and(|e| e.contains("ends early: shape [7] takes 56 bytes, it has 48")));
    with("{'descr': '>f8', 'fortran_order': False, 'shape': (6,)}\n", &numbers);
    assert!(read::<f64>(&path).is_err_and(|e| e.contains("`>f8`, not f64: no type of arrays")));
    with("{'descr': '<f8', 'fortran_order': False, 'shape': (6,)}\n", &numbers);
    assert!(read::<f32>(&path).is_err_and(|e| e.contains("not f32: read it as f64, then `.cast::<f32>()`")));
    let error = here().array().npy::<f64, Ix2>(&path).unwrap_err();
    assert!(error.message.contains("f.npy: its shape is [6], which has not 2 axes"), "{error}");
    with("{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551615, 8)}\n", &numbers);
    assert!(read::<f64>(&path).is_err_and(|e| e.contains("more elements than can be counted")));
    fs::write(&path, "not one").unwrap();
    assert!(read::<f64>(&path).is_err_and(|e| e.contains("it is no .npy file")));
    fs::write(&path, "").unwrap();
    assert!(read::<f64>(&path).is_err());
    assert!(read::<f64>(&folder.file("none.npy")).is_err_and(|e| e.contains("cannot be read: No such file")));
}

#[test]
fn nothing_is_left_of_what_fails() {
    let folder = Folder::new("fails");
    let path = folder.file("x.npy");
    lazy(&array![1.0]).to_npy(&path).unwrap();
    let bad = here().array().arange(10_000.0).map(|x| if x > 9000.0 { panic!("no") } else { x });
    assert!(bad.to_npy(&path).is_err_and(|e| e.message.contains("at index [9001]")));
    assert_eq!((folder.names(), read::<f64>(&path).unwrap()), (vec!["x.npy".to_owned()], array![1.0].into_dyn()));
    assert!(
        lazy(&array![1.0]).to_npy(folder.file("no/such.npy")).is_err_and(|e| e.message.contains("cannot be written"))
    );
    let error = here().array().zeros::<f64, _>([1 << 40]).to_npy(&path).unwrap_err();
    assert!(error.message.contains("cannot be written: it takes 8.8 TB, and"), "{error}");
    assert_eq!(folder.names(), ["x.npy"]);
}
