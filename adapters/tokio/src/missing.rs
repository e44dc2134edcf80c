//! What is not simulated: it exists so that code compiles, and panics with the reason when it runs.

pub mod io {
    //! tokio's own traits and combinators. Standard streams write to the process's.

    pub use real::io::*;

    macro_rules! standard_stream {
        ($name:ident, $type:ident, $stream:expr) => {
            /// The process's own stream, written at once.
            #[derive(Debug)]
            pub struct $type(());

            /// Returns a handle on the process's own stream.
            pub fn $name() -> $type {
                $type(())
            }

            impl AsyncWrite for $type {
                fn poll_write(
                    self: std::pin::Pin<&mut Self>,
                    _: &mut std::task::Context<'_>,
                    bytes: &[u8],
                ) -> std::task::Poll<std::io::Result<usize>> {
                    std::task::Poll::Ready(std::io::Write::write(&mut $stream, bytes))
                }
                fn poll_flush(
                    self: std::pin::Pin<&mut Self>,
                    _: &mut std::task::Context<'_>,
                ) -> std::task::Poll<std::io::Result<()>> {
                    std::task::Poll::Ready(std::io::Write::flush(&mut $stream))
                }
                fn poll_shutdown(
                    self: std::pin::Pin<&mut Self>,
                    context: &mut std::task::Context<'_>,
                ) -> std::task::Poll<std::io::Result<()>> {
                    self.poll_flush(context)
                }
            }
        };
    }

    standard_stream!(stdout, Stdout, std::io::stdout());
    standard_stream!(stderr, Stderr, std::io::stderr());

    /// Standard input is not simulated.
    ///
    /// # Panics
    /// Always.
    pub fn stdin() -> Stdin {
        super::not_simulated("tokio::io::stdin")
    }
}

pub mod fs {
    //! Files are not simulated: what one run writes, the next would read. Functions panic and name themselves; the types are tokio's.

    pub use real::fs::{DirBuilder, DirEntry, File, OpenOptions, ReadDir};

    macro_rules! functions {
        ($($name:ident($($argument:ident),*) -> $result:ty;)*) => {$(
            /// Not simulated.
            ///
            /// # Panics
            /// Always.
            #[expect(unused_variables, reason = "the signature is tokio's")]
            pub async fn $name($($argument: impl AsRef<std::path::Path>),*) -> std::io::Result<$result> {
                super::not_simulated(concat!("tokio::fs::", stringify!($name)))
            }
        )*};
    }

    functions! {
        canonicalize(path) -> std::path::PathBuf;
        copy(from, to) -> u64;
        create_dir(path) -> ();
        create_dir_all(path) -> ();
        hard_link(original, link) -> ();
        metadata(path) -> std::fs::Metadata;
        read(path) -> Vec<u8>;
        read_dir(path) -> ReadDir;
        read_link(path) -> std::path::PathBuf;
        read_to_string(path) -> String;
        remove_dir(path) -> ();
        remove_dir_all(path) -> ();
        remove_file(path) -> ();
        rename(from, to) -> ();
        symlink_metadata(path) -> std::fs::Metadata;
        try_exists(path) -> bool;
    }

    /// Not simulated.
    ///
    /// # Panics
    /// Always.
    #[expect(unused_variables, reason = "the signature is tokio's")]
    pub async fn write(path: impl AsRef<std::path::Path>, contents: impl AsRef<[u8]>) -> std::io::Result<()> {
        super::not_simulated("tokio::fs::write")
    }
}

pub mod process {
    //! Child processes are not simulated.

    /// Takes the place of tokio's builder of child processes.
    #[derive(Debug)]
    pub struct Command(());

    impl Command {
        /// Not simulated.
        ///
        /// # Panics
        /// Always.
        pub fn new(_program: impl AsRef<std::ffi::OsStr>) -> Self {
            super::not_simulated("tokio::process::Command")
        }
    }
}

/// Ends the run with the name of what is missing.
#[track_caller]
pub(crate) fn not_simulated(name: &str) -> ! {
    panic!(
        "{name} is not simulated: a rehearsal cannot control it. Put it behind a trait, or leave it out of what you rehearse"
    )
}
