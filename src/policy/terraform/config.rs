//! The declarations of a module: its files parsed, its blocks sorted by what they declare, its local child modules.
//!
//! Nothing is evaluated here. A file that cannot be parsed is a diagnostic, and the other files are still read.

use super::code;
use super::files::Files;
use crate::policy::value::Node;
use crate::source::{Diagnostic, FileId, Span};
use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::parser;
use hcl_edit::structure::{Attribute, Block, Structure};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How deep modules may call modules.
const MODULE_DEPTH_MAX: usize = 16;

/// The text of one file, kept beside its syntax tree: literals are decoded from it, with their places.
#[derive(Debug)]
pub(super) struct SourceText {
    pub id: FileId,
    /// Without the byte order mark, if there was one.
    pub text: String,
    skipped: usize,
}

/// Something a file declares.
#[derive(Clone, Debug)]
pub(super) struct Declared<T> {
    pub source: Rc<SourceText>,
    pub item: T,
}

/// A `module` block.
#[derive(Debug)]
pub(super) struct Call {
    pub name: String,
    pub block: Declared<Block>,
    pub callee: Callee,
}

/// What a `module` block calls.
#[derive(Debug)]
pub(super) enum Callee {
    /// A directory inside the one that was given.
    Local(Rc<Module>),
    /// Something that is not read: the reason, `its source is ..`.
    NotRead(String),
}

/// One module's declarations.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Relative to the root module; empty for the root.
    pub dir: PathBuf,
    pub variables: BTreeMap<String, Declared<Block>>,
    pub locals: BTreeMap<String, Declared<Attribute>>,
    pub outputs: BTreeMap<String, Declared<Block>>,
    /// In file order.
    pub resources: Vec<Declared<Block>>,
    pub data: Vec<Declared<Block>>,
    pub calls: Vec<Call>,
}

impl SourceText {
    pub(super) fn new(id: FileId, text: &str) -> Self {
        let stripped = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { id, text: stripped.to_owned(), skipped: text.len() - stripped.len() }
    }

    /// The place of a range of `text`; the start of the file where the parser gave none.
    pub(super) fn span(&self, range: Option<Range<usize>>) -> Span {
        let range = range.unwrap_or(0..0);
        Span::new(self.id, range.start + self.skipped..range.end + self.skipped)
    }

    /// Where byte `at` of `text` is in the file.
    pub(super) fn offset(&self, at: usize) -> usize {
        at + self.skipped
    }

    /// The diagnostic for a syntax error.
    pub(super) fn syntax_error(&self, error: &parser::Error) -> Diagnostic {
        let at = error.location().offset().min(self.text.len());
        let width = self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Diagnostic::error(code::SYNTAX, format!("syntax error: {}", error.message().replace('\n', "\\n")))
            .at(self.span(Some(at..at + width)))
            .help("`terraform validate` shows the same mistake")
    }
}

impl<T> Declared<T> {
    pub(super) fn with<U>(&self, item: U) -> Declared<U> {
        Declared { source: Rc::clone(&self.source), item }
    }
}

impl Declared<Block> {
    /// The label at `at`; empty when there is none.
    pub(super) fn label(&self, at: usize) -> &str {
        self.item.labels.get(at).map_or("", |label| label.as_str())
    }

    /// The place of the block's header: `resource "type" "name"`.
    pub(super) fn header(&self) -> Span {
        let ident = self.item.ident.span().unwrap_or(0..0);
        let end = self.item.labels.last().and_then(hcl_edit::Span::span).map_or(ident.end, |label| label.end);
        self.source.span(Some(ident.start..end))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Expression> {
        self.item.body.get_attribute(name).map(|attribute| &attribute.value)
    }
}

impl Module {
    pub(super) fn resource(&self, kind: &str, name: &str) -> Option<&Declared<Block>> {
        self.resources.iter().find(|block| block.label(0) == kind && block.label(1) == name)
    }

    pub(super) fn data(&self, kind: &str, name: &str) -> Option<&Declared<Block>> {
        self.data.iter().find(|block| block.label(0) == kind && block.label(1) == name)
    }
}

/// Reads modules.
#[derive(Debug)]
pub(super) struct Loader<'a, 's> {
    pub files: &'a Files<'s>,
    pub diagnostics: Vec<Diagnostic>,
    /// Directories that were read, and (as `None`) those that are being read.
    seen: BTreeMap<PathBuf, Option<Rc<Module>>>,
    /// Where `terraform init` has put the modules that are not local, by the names of the calls on the way to them.
    installed: BTreeMap<String, PathBuf>,
}

impl<'a, 's> Loader<'a, 's> {
    pub(super) fn new(files: &'a Files<'s>) -> Self {
        Self { files, diagnostics: Vec::new(), seen: BTreeMap::new(), installed: installed(files) }
    }

    /// Reads the root module, whose files are `ids`.
    pub(super) fn root(&mut self, ids: &[FileId]) -> Rc<Module> {
        self.module(Path::new(""), ids, &[])
    }

    /// Reads the module in `dir` that the calls `path` lead to.
    fn module(&mut self, dir: &Path, ids: &[FileId], path: &[String]) -> Rc<Module> {
        self.seen.insert(dir.to_owned(), None);
        let mut module = Module { dir: dir.to_owned(), ..Module::default() };
        for &id in ids {
            self.file(id, &mut module, path);
        }
        let module = Rc::new(module);
        self.seen.insert(dir.to_owned(), Some(Rc::clone(&module)));
        module
    }

    fn file(&mut self, id: FileId, module: &mut Module, path: &[String]) {
        let (name, text) = self.files.name_and_text(id);
        let source = Rc::new(SourceText::new(id, &text));
        if name.ends_with(".tf.json") {
            self.diagnostics.push(
                Diagnostic::warning(code::NOT_READ, "this file is in Terraform's JSON syntax, which is not read")
                    .at(source.span(None))
                    .help(super::value::NEEDS_PLAN),
            );
            return;
        }
        if name.ends_with("_override.tf") || name.rsplit(['/', '\\']).next() == Some("override.tf") {
            self.diagnostics.push(
                Diagnostic::warning(code::NOT_READ, "this override file is not merged into the files it overrides")
                    .at(source.span(None))
                    .help(super::value::NEEDS_PLAN),
            );
            return;
        }
        match parser::parse_body(&source.text) {
            Ok(body) => {
                for structure in body {
                    if let Structure::Block(block) = structure {
                        self.block(Declared { source: Rc::clone(&source), item: block }, module, path);
                    }
                }
            }
            Err(error) => self.diagnostics.push(source.syntax_error(&error)),
        }
    }

    fn block(&mut self, block: Declared<Block>, module: &mut Module, path: &[String]) {
        let name = block.label(0).to_owned();
        let twice = |first: Span, what: &str| {
            Diagnostic::error(code::DECLARED_TWICE, format!("{what} is declared twice"))
                .at(block.header())
                .label(first, "first here")
                .help("keep one; Terraform refuses the second")
        };
        match block.item.ident.as_str() {
            "variable" => match module.variables.get(&name) {
                Some(first) => self.diagnostics.push(twice(first.header(), &format!("variable `{name}`"))),
                None => _ = module.variables.insert(name, block),
            },
            "output" => match module.outputs.get(&name) {
                Some(first) => self.diagnostics.push(twice(first.header(), &format!("output `{name}`"))),
                None => _ = module.outputs.insert(name, block),
            },
            "locals" => {
                for attribute in block.item.body.attributes() {
                    let declared = block.with(attribute.clone());
                    match module.locals.get(attribute.key.as_str()) {
                        Some(first) => self.diagnostics.push(
                            Diagnostic::error(
                                code::DECLARED_TWICE,
                                format!("local `{}` is declared twice", attribute.key.as_str()),
                            )
                            .at(block.source.span(attribute.key.span()))
                            .label(first.source.span(first.item.key.span()), "first here")
                            .help("keep one; Terraform refuses the second"),
                        ),
                        None => _ = module.locals.insert(attribute.key.as_str().to_owned(), declared),
                    }
                }
            }
            "resource" => match module.resource(&name, block.label(1)) {
                Some(first) => {
                    self.diagnostics.push(twice(first.header(), &format!("resource `{name}.{}`", block.label(1))));
                }
                None => module.resources.push(block),
            },
            "data" => module.data.push(block),
            "module" => {
                if let Some(first) = module.calls.iter().find(|call| call.name == name) {
                    self.diagnostics.push(twice(first.block.header(), &format!("module `{name}`")));
                    return;
                }
                let callee = self.callee(&block, &module.dir, &[path, std::slice::from_ref(&name)].concat());
                module.calls.push(Call { name, block, callee });
            }
            _ => {}
        }
    }

    fn callee(&mut self, block: &Declared<Block>, dir: &Path, path: &[String]) -> Callee {
        let Some(source) = block.attribute("source").and_then(Expression::as_str) else {
            return Callee::NotRead("its source is not a plain string".into());
        };
        let child = if source.starts_with("./") || source.starts_with("../") {
            super::files::inside(&dir.join(source))
        } else {
            let Some(installed) = self.installed.get(&path.join(".")) else {
                return Callee::NotRead(format!("its source `{source}` is not a local directory"));
            };
            super::files::inside(installed)
        };
        let Some(child) = child else {
            return Callee::NotRead(format!("its source `{source}` lies outside the directory that was given"));
        };
        match self.seen.get(&child) {
            Some(Some(module)) => return Callee::Local(Rc::clone(module)),
            Some(None) => return Callee::NotRead(format!("its source `{source}` calls itself")),
            None => {}
        }
        if path.len() > MODULE_DEPTH_MAX {
            return Callee::NotRead(format!("modules are nested more than {MODULE_DEPTH_MAX} deep"));
        }
        match self.files.directory(&child) {
            Ok(ids) if ids.is_empty() => Callee::NotRead(format!("there is no .tf file in its source `{source}`")),
            Ok(ids) => Callee::Local(self.module(&child, &ids, path)),
            Err(why) => Callee::NotRead(format!("its source `{source}` cannot be read: {why}")),
        }
    }
}

/// What `terraform init` says it has installed. Without it, modules that are not local are not read.
fn installed(files: &Files<'_>) -> BTreeMap<String, PathBuf> {
    let manifest = files.file(Path::new(".terraform/modules/modules.json")).ok().and_then(|id| files.json(id).ok());
    let modules = manifest.as_ref().and_then(|manifest| manifest.get("Modules")).and_then(Node::as_list).unwrap_or(&[]);
    let text = |module: &Node, member: &str| Some(module.get(member)?.as_text()?.as_str().to_owned());
    modules.iter().filter_map(|module| Some((text(module, "Key")?, PathBuf::from(text(module, "Dir")?)))).collect()
}
