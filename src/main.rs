//! The program: hands its arguments to the shell and exits with what that says.

fn main() -> std::process::ExitCode {
    mtok::cli::main()
}
