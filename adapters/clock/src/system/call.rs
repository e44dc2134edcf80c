//! `syscall(2)`, and system calls that must not be replaced.
//!
//! ring, and everything on version 0.2 of the crate `getrandom` (rand 0.8 among it), take random numbers from `syscall` and not from the C
//! library's `getrandom`.

/// Performs a system call of at most three parameters.
///
/// # Safety
/// As for that system call.
#[cfg(not(all(target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) unsafe fn system_call(number: libc::c_long, parameters: [usize; 3]) -> libc::c_long {
    let [first, second, third] = parameters;
    // SAFETY: by this function's contract.
    unsafe { libc::syscall(number, first, second, third) }
}

#[cfg(all(target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) use replaced::system_call;

/// Limited to platforms where a variadic call passes integers as any other call does.
#[cfg(all(target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod replaced {
    use libc::{c_long, c_uint, c_void};
    use std::mem::transmute;
    use std::sync::atomic::{AtomicPtr, Ordering};

    type SystemCall = unsafe extern "C" fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;

    /// The C library's `syscall`, or null before the first call.
    static SYSTEM_CALL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

    /// Returns the C library's `syscall`.
    fn original() -> Option<SystemCall> {
        let mut found = SYSTEM_CALL.load(Ordering::Relaxed);
        if found.is_null() {
            // SAFETY: `dlsym` takes any C string, and the literal is one. It returns the next definition after this one, or null.
            found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"syscall".as_ptr()) };
            SYSTEM_CALL.store(found, Ordering::Relaxed);
        }
        // SAFETY: the pointer is not null, and the next definition of `syscall` is the C library's, which reads a number and six integers
        // from where `SystemCall` passes them. Function pointers have the size of data pointers on Linux.
        (!found.is_null()).then(|| unsafe { transmute::<*mut c_void, SystemCall>(found) })
    }

    /// Performs a system call of at most three parameters.
    ///
    /// # Safety
    /// As for that system call.
    pub(in crate::system) unsafe fn system_call(number: c_long, parameters: [usize; 3]) -> c_long {
        let [first, second, third] = parameters;
        // SAFETY: by this function's contract. A system call ignores parameters that it does not have.
        unsafe { perform(number, [first, second, third, 0, 0, 0]) }
    }

    /// # Safety
    /// As for that system call.
    unsafe fn perform(number: c_long, [a, b, c, d, e, f]: [usize; 6]) -> c_long {
        match original() {
            // SAFETY: by this function's contract.
            Some(original) => unsafe { original(number, a, b, c, d, e, f) },
            None => {
                // SAFETY: the C library returns a pointer to this thread's `errno`.
                unsafe { *libc::__errno_location() = libc::ENOSYS };
                -1
            }
        }
    }

    /// Replaces `syscall(2)`. All but `getrandom` goes to the system.
    ///
    /// It takes six parameters and not a variable number, as the C library's own definition does: where the caller passes fewer, the rest
    /// holds whatever the registers hold, and the system call ignores it.
    ///
    /// # Safety
    /// As for the system call that `number` names.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn syscall(
        number: c_long,
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
    ) -> c_long {
        if number == libc::SYS_getrandom {
            // SAFETY: the parameters are those of `getrandom`, and this function's contract is its contract.
            return unsafe { super::super::random(a as *mut c_void, b, c as c_uint) };
        }
        // SAFETY: by this function's contract.
        unsafe { perform(number, [a, b, c, d, e, f]) }
    }
}
