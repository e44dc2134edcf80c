//! The functions of the C library that are replaced here. Each calls the system where no run is under way.

use crate::simulated;
use libc::{addrinfo, c_char, c_int, c_long, c_uint, c_void, clockid_t, size_t, ssize_t, timespec};
use std::ffi::{CStr, CString};
use std::mem::transmute;
use std::sync::atomic::{AtomicPtr, Ordering};

mod call;
use call::system_call;

/// Replaces `clock_gettime(2)`.
///
/// # Safety
/// As for the C library's function: `time` points to a `timespec` that may be written.
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
            // SAFETY: by this function's contract `time` points to a `timespec` that may be written. Both fields are integers, so any value
            // is valid.
            unsafe {
                (*time).tv_sec = since.as_secs() as libc::time_t;
                (*time).tv_nsec = since.subsec_nanos() as libc::c_long;
            }
            0
        }
        // SAFETY: the system call has the parameters and the contract of this function.
        None => unsafe { system_call(libc::SYS_clock_gettime, [clock as usize, time as usize, 0]) as c_int },
    }
}

/// Replaces `getrandom(2)`.
///
/// # Safety
/// As for the C library's function: `buffer` points to `length` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
    // SAFETY: this function's contract is that of the system call.
    unsafe { random(buffer, length, flags) as ssize_t }
}

/// Fills `length` bytes: with the run's random numbers, or by the system call where no run is under way. Returns how many bytes are filled.
///
/// # Safety
/// As for `getrandom`.
unsafe fn random(buffer: *mut c_void, length: size_t, flags: c_uint) -> c_long {
    if !buffer.is_null() && length > 0 {
        // SAFETY: by this function's contract `buffer` points to `length` bytes that may be written, and nothing else uses them during the
        // call. They are written before the slice is made, because its bytes must be initialized.
        let bytes = unsafe {
            std::ptr::write_bytes(buffer.cast::<u8>(), 0, length);
            std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
        };
        if simulated::fill(bytes) {
            return length as c_long;
        }
    }
    // SAFETY: the system call has the parameters and the contract of this function.
    unsafe { system_call(libc::SYS_getrandom, [buffer as usize, length, flags as usize]) }
}

type Resolver =
    unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;

/// The C library's `getaddrinfo`, or null before the first call.
static RESOLVER: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

fn resolver() -> Option<Resolver> {
    let mut found = RESOLVER.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: `dlsym` takes any C string, and the literal is one. It returns the next definition after this one, or null.
        found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr()) };
        RESOLVER.store(found, Ordering::Relaxed);
    }
    // SAFETY: the pointer is not null, and the next definition of `getaddrinfo` is the C library's, whose type is `Resolver`. Function
    // pointers have the size of data pointers on Linux.
    (!found.is_null()).then(|| unsafe { transmute::<*mut c_void, Resolver>(found) })
}

/// Replaces `getaddrinfo(3)`: names are those of nodes. The C library makes the list from a node's numeric address, so its own
/// `freeaddrinfo` frees it.
///
/// # Safety
/// As for the C library's function: `name` and `service` are null or C strings, `hints` is null or points to an `addrinfo`, `list` points
/// to a pointer that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    list: *mut *mut addrinfo,
) -> c_int {
    let Some(resolver) = resolver() else { return libc::EAI_SYSTEM };
    let host = if name.is_null() {
        None
    } else {
        // SAFETY: `name` is not null, so by this function's contract it is a C string. The reference ends with this call.
        unsafe { CStr::from_ptr(name) }.to_str().ok()
    };
    let Some(addresses) = host.and_then(simulated::addresses) else {
        // SAFETY: the C library's function has the contract of this one, and its arguments are unchanged.
        return unsafe { resolver(name, service, hints, list) };
    };
    let first = addresses.ok().and_then(|addresses| addresses.first().copied());
    let Some(numeric) = first.and_then(|address| CString::new(address.to_string()).ok()) else {
        return libc::EAI_NONAME;
    };
    // SAFETY: the C library's function has the contract of this one. Only the name differs, and it is a C string that outlives the call.
    unsafe { resolver(numeric.as_ptr(), service, hints, list) }
}
