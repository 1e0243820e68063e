//! What is changed in a module before it is bundled: an `import()` of a specifier that is put
//! together gets the files that it may mean, and what the bundler takes for nothing stays.

use std::collections::{BTreeMap, BTreeSet};

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    CallExpression, ClassBody, Declaration, Expression, Function, ImportExpression, Program,
    Statement,
};
use oxc::ast::builder::AstBuilder;
use oxc::ast_visit::{VisitJsMut, walk_js_mut};
use oxc::parser::{ParseOptions, Parser};
use oxc::span::{SPAN, SourceType, Span};
use oxc::syntax::scope::ScopeFlags;

use super::glob::Pattern;

/// Gives the name of the module that loads the files of a pattern, if there are any.
pub(crate) type Glob<'g> = dyn FnMut(&Pattern) -> Option<String> + 'g;

/// Rewrites a module. Gives the specifiers of `import()` that are written out and whose failure
/// the code does not handle.
pub(crate) fn rewrite<'ast>(
    allocator: &'ast Allocator,
    program: &mut Program<'ast>,
    is_module: bool,
    glob: &mut Glob<'_>,
) -> BTreeSet<String> {
    let is_module = is_module || program.body.iter().any(Statement::is_module_declaration);
    let mut rewriter = Rewriter {
        allocator,
        builder: AstBuilder::new(allocator),
        glob,
        is_module,
        late: late_names(program),
        own_this: 0,
        handled: Vec::new(),
        required: BTreeSet::new(),
    };
    rewriter.visit_program(program);
    rewriter.required
}

/// Where the names of `let`, `const` and `class` at the top level are declared.
fn late_names(program: &Program<'_>) -> BTreeMap<String, u32> {
    let mut names = BTreeMap::new();
    for statement in &program.body {
        let declaration = match statement {
            Statement::ExportDeclaration(export) => Some(&export.declaration),
            other => other.as_declaration(),
        };
        match declaration {
            Some(Declaration::VariableDeclaration(variables)) if variables.kind.is_lexical() => {
                let bound = variables.declarations.iter();
                let bound = bound.flat_map(|variable| variable.id.get_binding_identifiers());
                names.extend(bound.map(|name| (name.name.to_string(), name.span.start)));
            }
            Some(Declaration::ClassDeclaration(class)) => {
                names.extend(class.id.iter().map(|name| (name.name.to_string(), name.span.start)));
            }
            _ => {}
        }
    }
    names
}

struct Rewriter<'ast, 'g> {
    allocator: &'ast Allocator,
    builder: AstBuilder<'ast>,
    glob: &'g mut Glob<'g>,
    /// Whether the code is an ES module by its syntax or its name.
    is_module: bool,
    late: BTreeMap<String, u32>,
    /// Functions and classes around, which have a `this` of their own.
    own_this: usize,
    /// Where the `import()` calls begin whose failure is handled.
    handled: Vec<u32>,
    required: BTreeSet<String>,
}

impl<'ast> Rewriter<'ast, '_> {
    /// Code of ours as an expression that comes from no place of the source.
    fn parse(&self, code: &str) -> Option<Expression<'ast>> {
        let options = ParseOptions { preserve_parens: false, ..ParseOptions::default() };
        let code = self.allocator.alloc_str(code);
        let parser = Parser::new(self.allocator, code, SourceType::mjs()).with_options(options);
        let mut expression = parser.parse_expression().ok()?;
        NoPlace.visit_expression(&mut expression);
        Some(expression)
    }

    /// Notes an `import()` with a `catch` behind it, or a `then` with two functions.
    fn note_handler(&mut self, call: &CallExpression<'ast>) {
        let Expression::StaticMemberExpression(member) = &call.callee else { return };
        let handles = match member.property.name.as_str() {
            "catch" => true,
            "then" => call.arguments.len() > 1,
            _ => false,
        };
        if let Some(import) = handles.then(|| import_of(&member.object)).flatten() {
            self.handled.push(import.span.start);
        }
    }

    /// What stands for an `import()` whose specifier is put together. The specifier is evaluated
    /// where it stands, for it may hold `await`.
    fn glob_import(&mut self, import: &mut ImportExpression<'ast>) -> Option<Expression<'ast>> {
        let id = (self.glob)(&Pattern::of(&import.source)?)?;
        let id = serde_json::Value::from(id);
        let code = format!("((path) => import({id}).then((files) => files.default(path)))(0)");
        let mut call = self.parse(&code)?;
        if let Expression::CallExpression(call) = &mut call
            && let Some(argument) = call.arguments.first_mut()
        {
            let nothing = Expression::new_null_literal(SPAN, &self.builder);
            *argument = std::mem::replace(&mut import.source, nothing).into();
        }
        Some(call)
    }
}

impl<'ast> VisitJsMut<'ast> for Rewriter<'ast, '_> {
    fn visit_function(&mut self, function: &mut Function<'ast>, flags: ScopeFlags) {
        self.own_this += 1;
        walk_js_mut::walk_function(self, function, flags);
        self.own_this -= 1;
    }

    fn visit_class_body(&mut self, body: &mut ClassBody<'ast>) {
        self.own_this += 1;
        walk_js_mut::walk_class_body(self, body);
        self.own_this -= 1;
    }

    fn visit_statement(&mut self, statement: &mut Statement<'ast>) {
        // A bare name in front of its declaration throws. The bundler takes it for a statement
        // without effect; `delete` has one.
        if let Statement::ExpressionStatement(bare) = statement
            && let Expression::Identifier(name) = &bare.expression
            && self.late.get(name.name.as_str()).is_some_and(|at| bare.span.start < *at)
            && let Some(read) = self.parse(&format!("delete [{}][0]", name.name))
        {
            bare.expression = read;
            return;
        }
        walk_js_mut::walk_statement(self, statement);
    }

    fn visit_expression(&mut self, expression: &mut Expression<'ast>) {
        if let Expression::CallExpression(call) = expression {
            self.note_handler(call);
        }
        walk_js_mut::walk_expression(self, expression);
        match expression {
            // The bundler would put the global object here, which is right for old scripts only.
            Expression::ThisExpression(_) if self.is_module && self.own_this == 0 => {
                *expression = Expression::new_void_0(SPAN, &self.builder);
            }
            Expression::ImportExpression(import) => {
                if let Expression::StringLiteral(specifier) = &import.source {
                    if !self.handled.contains(&import.span.start) {
                        self.required.insert(specifier.value.to_string());
                    }
                } else if let Some(call) = self.glob_import(import) {
                    *expression = call;
                }
            }
            _ => {}
        }
    }
}

/// The `import()` at the beginning of a chain of method calls.
fn import_of<'e, 'ast>(expression: &'e Expression<'ast>) -> Option<&'e ImportExpression<'ast>> {
    let mut expression = expression;
    loop {
        match expression.get_inner_expression() {
            Expression::ImportExpression(import) => return Some(import),
            Expression::CallExpression(call) => match &call.callee {
                Expression::StaticMemberExpression(member) => expression = &member.object,
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// Takes the places off nodes: they would be taken for places in the module's own text.
struct NoPlace;

impl<'ast> VisitJsMut<'ast> for NoPlace {
    fn visit_span(&mut self, span: &mut Span) {
        *span = SPAN;
    }
}
