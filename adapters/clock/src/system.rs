//! The functions of the C library that are answered here. Each falls back to the system where no run is under way.

use crate::simulated;
use libc::{addrinfo, c_char, c_int, c_uint, c_void, clockid_t, size_t, ssize_t, timespec};
use std::ffi::{CStr, CString};
use std::mem::transmute;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Answers `clock_gettime(2)`.
///
/// # Safety
/// As the C library's: `time` points to a `timespec`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    let simulated = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => simulated::wall_clock(),
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME => simulated::monotonic_clock(),
        _ => None,
    };
    match simulated {
        Some(since) => {
            // SAFETY: the caller passes a pointer to a `timespec`. Seconds since 1970 and nanoseconds below 10^9 fit its fields.
            unsafe {
                (*time).tv_sec = since.as_secs() as libc::time_t;
                (*time).tv_nsec = since.subsec_nanos() as libc::c_long;
            }
            0
        }
        // SAFETY: the system call has the arguments of this function.
        None => unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int },
    }
}

/// Answers `getrandom(2)`.
///
/// # Safety
/// As the C library's: `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
    if !buffer.is_null() && length > 0 {
        // SAFETY: the caller passes `length` bytes; they are written before they are read.
        let bytes = unsafe {
            std::ptr::write_bytes(buffer.cast::<u8>(), 0, length);
            std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
        };
        if simulated::fill(bytes) {
            return length as ssize_t;
        }
    }
    // SAFETY: the system call has the arguments of this function.
    unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) as ssize_t }
}

type Resolver =
    unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;

/// The C library's `getaddrinfo`, once it was found.
static RESOLVER: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

fn resolver() -> Option<Resolver> {
    let mut found = RESOLVER.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: the name is a C string; the next definition after this one is the C library's.
        found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr()) };
        RESOLVER.store(found, Ordering::Relaxed);
    }
    // SAFETY: a symbol of this name in the C library has this type.
    (!found.is_null()).then(|| unsafe { transmute::<*mut c_void, Resolver>(found) })
}

/// Answers `getaddrinfo(3)`: names are those of nodes. The list is the C library's own, made of a node's numeric address, so that
/// `freeaddrinfo` stays the C library's too.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    list: *mut *mut addrinfo,
) -> c_int {
    let Some(resolver) = resolver() else { return libc::EAI_SYSTEM };
    let asked = if name.is_null() {
        None
    } else {
        // SAFETY: the caller passes a C string.
        unsafe { CStr::from_ptr(name) }.to_str().ok()
    };
    let Some(addresses) = asked.and_then(simulated::addresses) else {
        // SAFETY: the arguments are the caller's.
        return unsafe { resolver(name, service, hints, list) };
    };
    let Some(numeric) = addresses.first().and_then(|address| CString::new(address.to_string()).ok()) else {
        return libc::EAI_NONAME;
    };
    // SAFETY: the arguments are the caller's, with another C string for the name.
    unsafe { resolver(numeric.as_ptr(), service, hints, list) }
}
