//! Conversations: turns follow answers.
