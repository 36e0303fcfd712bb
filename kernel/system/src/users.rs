//! Users of this machine, by number and name. It changes no identity and asks for no rights.

use std::ffi::{CStr, CString};

/// The number of the user that this process runs as.
///
/// ```
/// assert_eq!(ferrolab_system::users::number(&ferrolab_system::users::own().to_string()), Some(ferrolab_system::users::own()));
/// ```
pub fn own() -> u32 {
    // SAFETY: geteuid takes no arguments, touches no memory and cannot fail.
    unsafe { libc::geteuid() }
}

/// The number of a user who is named, or given by number.
///
/// ```
/// assert_eq!(ferrolab_system::users::number("root"), Some(0));
/// assert_eq!(ferrolab_system::users::number("1234"), Some(1234));
/// assert_eq!(ferrolab_system::users::number("nobody has this name"), None);
/// ```
pub fn number(name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let name = CString::new(name).ok()?;
    // SAFETY: a valid C string, and arguments as `entry` passes them on.
    entry(|record, buffer, found| unsafe {
        libc::getpwnam_r(name.as_ptr(), record, buffer.as_mut_ptr().cast(), buffer.len(), found)
    })
    .map(|(number, _)| number)
}

/// A user for people: `teacher (uid 1001)`, or the number alone.
///
/// ```
/// assert_eq!(ferrolab_system::users::shown(0), "root (uid 0)");
/// assert_eq!(ferrolab_system::users::shown(3_999_999_999), "uid 3999999999");
/// ```
pub fn shown(uid: u32) -> String {
    // SAFETY: arguments as `entry` passes them on.
    let found = entry(|record, buffer, found| unsafe {
        libc::getpwuid_r(uid, record, buffer.as_mut_ptr().cast(), buffer.len(), found)
    });
    match found {
        Some((_, name)) => format!("{name} (uid {uid})"),
        None => format!("uid {uid}"),
    }
}

/// Asks the system's tables; number and name.
fn entry(ask: impl Fn(*mut libc::passwd, &mut [u8], *mut *mut libc::passwd) -> libc::c_int) -> Option<(u32, String)> {
    // Directory services may have long entries.
    let mut buffer = vec![0_u8; 64 << 10];
    // SAFETY: all zeros are a valid record of null pointers.
    let mut record: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    let status = ask(&raw mut record, &mut buffer, &raw mut found);
    if status != 0 || found.is_null() || record.pw_name.is_null() {
        return None;
    }
    // SAFETY: the system has put a C string into `buffer`, which lives until the end of this function.
    let name = unsafe { CStr::from_ptr(record.pw_name) };
    Some((record.pw_uid, name.to_string_lossy().into_owned()))
}
