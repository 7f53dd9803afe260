//! Operands that a tool has no use for: how the documents name them, and what is said of them.

use super::speaker::Speaker;

/// The operand, for the table of a tool that takes it.
pub const OPERAND: (&str, &str) = ("[IGNORED]...", "Ignored with a warning; the reference ignores it without one");

/// `NAME: warning: ignoring WORD: WHY`.
pub fn warn(name: &str, word: &[u8], why: &str) {
    Speaker::patient(name).warn(&[b"ignoring ", word, b": ", why.as_bytes()]);
}
