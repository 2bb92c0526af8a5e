//! The shell: flags, commands, exit codes.
