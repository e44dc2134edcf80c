//! The attributes `tokio::main` and `tokio::test` in rehearsals: the body becomes a future that the simulation runs.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Runs an `async fn main` within a simulation. Arguments, which select a runtime, have no effect.
#[proc_macro_attribute]
pub fn main(_arguments: TokenStream, function: TokenStream) -> TokenStream {
    enter(function, "main")
}

/// Makes an `async fn` a test that runs on one node of a simulated world, on its happy path.
#[proc_macro_attribute]
pub fn test(_arguments: TokenStream, function: TokenStream) -> TokenStream {
    let mut test: TokenStream = "#[::core::prelude::v1::test]".parse().expect("an attribute");
    test.extend(enter(function, "test"));
    test
}

/// Drops the word `async` before `fn` and has `::tokio::runtime::{entry}` run the body.
fn enter(function: TokenStream, entry: &str) -> TokenStream {
    let mut tokens: Vec<TokenTree> = function.into_iter().collect();
    let is =
        |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident.to_string() == word);
    if let Some(at) = tokens.iter().position(|token| is(token, "async")) {
        tokens.remove(at);
    }
    if let Some(TokenTree::Group(body)) = tokens.pop() {
        let mut call: TokenStream = format!("::tokio::runtime::{entry}").parse().expect("a path");
        let mut future: TokenStream = "async move".parse().expect("two words");
        future.extend([TokenTree::Group(body)]);
        call.extend([TokenTree::Group(Group::new(Delimiter::Parenthesis, future))]);
        tokens.push(TokenTree::Group(Group::new(Delimiter::Brace, call)));
    }
    tokens.into_iter().collect()
}
