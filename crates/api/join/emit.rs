//! Writes the functions of the chunks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::chunks::{Chunk, Chunks};
use super::parse::{Export, LAZY, Module, Modules, OPS, with_loads};
use super::{Joined, Lazy, Sources};

/// The parameter by which a lazy chunk loads others, which is `load` of the module [`LAZY`].
pub const LOAD: &str = "$load";
/// The parameter by which a lazy chunk gets bindings of the snapshot, by their numbers.
const PICK: &str = "$pick";
/// The function that makes a built-in of what is kept of it, by its number, and the built-ins that
/// it needs.
const LATE: (&str, [&str; 2]) = (
    "function $late(number) {\nconst how = $kept[3 * number];\n\
     const value = $kept[3 * number + 1];\nif (how === 1) return uncurryThis(value);\n\
     if (how === 2) return FunctionPrototypeBind(value, $kept[3 * number + 2]);\n\
     return value;\n}\n",
    ["uncurryThis", "FunctionPrototypeBind"],
);
/// The export of [`LAZY`] that takes the function behind [`PICK`].
const SET_PICK: &str = "setPick";

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Builtin(String),
    Op(String),
    /// Module, and the name that it has there.
    Export(String, String),
}

impl Binding {
    fn name(&self) -> &str {
        match self {
            Self::Builtin(name) | Self::Op(name) | Self::Export(_, name) => name,
        }
    }
}

/// Variables of a chunk's function, by what they stand for.
#[derive(Default)]
struct Outer {
    names: BTreeMap<Binding, String>,
    taken: BTreeSet<String>,
}

impl Outer {
    /// Gives a binding a name, its own where no other has it.
    fn add(&mut self, binding: Binding) {
        if self.names.contains_key(&binding) {
            return;
        }
        let mut name = binding.name().to_owned();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{}${number}", binding.name());
            number += 1;
        }
        self.names.insert(binding, name);
    }

    fn of(&self, binding: &Binding) -> &str {
        &self.names[binding]
    }
}

struct Emitter<'a> {
    modules: &'a Modules,
    chunks: &'a Chunks,
    captured: &'a str,
    /// Numbers of the modules that are loaded by path.
    numbers: BTreeMap<&'a str, usize>,
    /// What is imported of each module.
    used: BTreeSet<Binding>,
}

/// Writes all functions.
pub fn emit(modules: &Modules, chunks: &Chunks, sources: &Sources<'_>) -> Result<Joined, String> {
    let numbers = chunks.entries().enumerate().map(|(number, path)| (path.as_str(), number));
    let mut emitter = Emitter {
        modules,
        chunks,
        captured: sources.captured,
        numbers: numbers.collect(),
        used: BTreeSet::new(),
    };
    let last = sources.roots.last().ok_or("there is no root")?;
    let all = chunks.lazy.iter().chain([&chunks.eager]).flat_map(|chunk| &chunk.members);
    let mut used: BTreeSet<Binding> = BTreeSet::new();
    for path in all {
        used.extend(emitter.imports(path).into_iter().map(|(_, binding)| binding));
    }
    let set_pick = Binding::Export(LAZY.to_owned(), SET_PICK.to_owned());
    let roots = [(*last).to_owned()];
    for path in chunks.entries().chain(&roots) {
        used.extend(emitter.exports(path).into_iter().map(|(_, binding)| binding));
    }
    if !chunks.lazy.is_empty() {
        used.insert(set_pick.clone());
    }
    emitter.used = used;

    let picked = emitter.picked()?;
    let (text, lines) = emitter.eager(last, &picked, &set_pick)?;
    let lazy = (0..chunks.lazy.len()).map(|index| emitter.lazy(index, &picked));
    let lazy = lazy.collect::<Result<Vec<_>, _>>()?;
    let places = chunks.lazy.iter().enumerate();
    let entries = places.flat_map(|(index, chunk)| chunk.entries.iter().map(move |_| index));
    let numbers = entries.chain(0..chunks.lazy.len()).collect();
    let builtins = chunks.builtins.iter();
    let builtins =
        builtins.map(|(name, path)| (name.clone(), emitter.numbers[path.as_str()])).collect();
    if !text.is_ascii() || !lazy.iter().all(|lazy| lazy.text.is_ascii()) {
        return Err("V8 shares only text that is ASCII".to_owned());
    }
    Ok(Joined { text, lines, lazy, numbers, builtins })
}

impl Emitter<'_> {
    /// What a module imports: its own name for it, and what that stands for.
    fn imports(&self, path: &str) -> Vec<(String, Binding)> {
        let module = &self.modules[path];
        let builtins = module.captured.iter();
        let mut found: Vec<(String, Binding)> =
            builtins.map(|name| (name.clone(), Binding::Builtin(name.clone()))).collect();
        for import in module.imports.iter().filter(|import| import.from != self.captured) {
            for (name, local) in &import.names {
                found.push((local.clone(), self.resolve(&import.from, name)));
            }
        }
        found
    }

    /// What a module exports: names for others, and what they stand for.
    fn exports(&self, path: &str) -> Vec<(String, Binding)> {
        let names = self.modules[path].exports.keys();
        names.map(|name| (name.clone(), self.resolve(path, name))).collect()
    }

    /// What an exported name stands for, behind all modules that only pass it on.
    fn resolve(&self, path: &str, name: &str) -> Binding {
        if path == OPS {
            return Binding::Op(name.to_owned());
        }
        let module = &self.modules[path];
        match &module.exports[name] {
            Export::From(from, name) => self.resolve(from, name),
            Export::Local(local) => {
                let imported = |module: &Module| {
                    let names = module.imports.iter().flat_map(|import| {
                        import.names.iter().map(move |names| (&import.from, names))
                    });
                    let mut names = names.filter(|(_, (_, here))| here == local);
                    names.next().map(|(from, (name, _))| (from.clone(), name.clone()))
                };
                match imported(module) {
                    Some((from, name)) => self.resolve(&from, &name),
                    None => Binding::Export(path.to_owned(), local.clone()),
                }
            }
        }
    }

    /// The chunk of a binding; none for one that the snapshot has.
    fn place(&self, binding: &Binding) -> Option<usize> {
        match binding {
            Binding::Export(path, _) => self.chunks.places.get(path).copied(),
            Binding::Builtin(_) | Binding::Op(_) => None,
        }
    }

    /// What a lazy chunk needs of others.
    fn needs(&self, index: usize) -> BTreeSet<Binding> {
        let chunk = &self.chunks.lazy[index];
        let imports = chunk.members.iter().flat_map(|path| self.imports(path));
        let exports = chunk.entries.iter().flat_map(|path| self.exports(path));
        let all = imports.chain(exports).map(|(_, binding)| binding);
        all.filter(|binding| self.place(binding) != Some(index)).collect()
    }

    /// What the snapshot has and lazy chunks need, in the order of its numbers.
    fn picked(&self) -> Result<Vec<Binding>, String> {
        let all = (0..self.chunks.lazy.len()).flat_map(|index| self.needs(index));
        let all: BTreeSet<Binding> = all.collect();
        for binding in &all {
            if let Binding::Export(path, name) = binding
                && self.modules[path].lets.get(name) == Some(&true)
            {
                return Err(format!(
                    "{name} of {path} changes, so no module that is evaluated at another time can \
                     import it"
                ));
            }
        }
        Ok(all.into_iter().filter(|binding| self.place(binding).is_none()).collect())
    }

    /// The built-ins that the snapshot has for lazy chunks only.
    fn late<'a>(&self, picked: &'a [Binding]) -> Vec<&'a Binding> {
        let members = self.chunks.eager.members.iter();
        let eager: BTreeSet<&String> =
            members.flat_map(|path| &self.modules[path].captured).collect();
        let is_late = |binding: &&Binding| match binding {
            Binding::Builtin(name) => !eager.contains(name) && !LATE.1.contains(&name.as_str()),
            Binding::Op(_) | Binding::Export(..) => false,
        };
        picked.iter().filter(is_late).collect()
    }

    /// The variables of a chunk's function.
    fn outer(&self, chunk: &Chunk, more: impl IntoIterator<Item = Binding>) -> Outer {
        let mut outer = Outer::default();
        // Assignments name these, so they come first and keep their names.
        for path in &chunk.members {
            for name in self.modules[path].lets.keys() {
                outer.add(Binding::Export(path.clone(), name.clone()));
            }
        }
        for path in &chunk.members {
            for (_, binding) in self.imports(path) {
                outer.add(binding);
            }
        }
        for binding in more {
            outer.add(binding);
        }
        for binding in &self.used {
            if let Binding::Export(path, _) = binding
                && chunk.members.contains(path)
            {
                outer.add(binding.clone());
            }
        }
        outer
    }

    /// The function of the snapshot, and where modules begin in it.
    fn eager(
        &self,
        root: &str,
        picked: &[Binding],
        set_pick: &Binding,
    ) -> Result<(String, Vec<(usize, String)>), String> {
        let chunk = &self.chunks.eager;
        let exports = self.exports(root);
        let late = self.late(picked);
        let mut more: Vec<Binding> =
            picked.iter().filter(|binding| !late.contains(binding)).cloned().collect();
        more.extend(exports.iter().map(|(_, binding)| binding.clone()));
        if !late.is_empty() {
            more.extend(LATE.1.map(|name| Binding::Builtin(name.to_owned())));
        }
        let outer = self.outer(chunk, more);
        let named = |wanted: fn(&Binding) -> bool| {
            let names = outer.names.iter().filter(|(binding, _)| wanted(binding));
            list(names.map(|(binding, name)| (binding.name(), name.as_str())))
        };
        let builtins = named(|binding| matches!(binding, Binding::Builtin(_)));
        let ops = named(|binding| matches!(binding, Binding::Op(_)));
        let primordials = self.modules[self.captured].lines.join("\n");
        let kept: Vec<String> =
            late.iter().map(|binding| format!("{:?}", binding.name())).collect();
        let kept = match kept.is_empty() {
            true => "[]".to_owned(),
            false => format!("keptBuiltins([{}])", kept.join(", ")),
        };
        // Neither scope lies around the other: what only the first one refers to is garbage
        // afterwards.
        let mut text = format!(
            "(function ($ops) {{\n\"use strict\";\nconst $captured = (function () \
             {{\n{primordials}\nreturn {{ primordials, kept: {kept} }};\n}})();\nreturn \
             (function ($primordials, $kept, $ops) {{\nconst {{ {builtins} }} = \
             $primordials;\nconst {{ {ops} }} = $ops;\n",
        );
        let mut lines = vec![(4, self.captured.to_owned())];
        lines.extend(self.members(chunk, &outer, &mut text)?);
        if !self.chunks.lazy.is_empty() {
            let set =
                outer.names.get(set_pick).ok_or("what loads modules is not in the snapshot")?;
            let mut cases = String::new();
            for (number, binding) in picked.iter().enumerate() {
                let value = match late.iter().position(|other| *other == binding) {
                    Some(number) => format!("$late({number})"),
                    None => outer.of(binding).to_owned(),
                };
                let _ = writeln!(cases, "case {number}: return {value};");
            }
            if !late.is_empty() {
                text.push_str(LATE.0);
            }
            let _ = write!(text, "{set}(function {PICK}(number) {{\nswitch (number) {{\n{cases}");
            text.push_str("}\n});\n");
        }
        let exports = exports.iter().map(|(name, binding)| (name.as_str(), outer.of(binding)));
        let given = "$captured.primordials, $captured.kept, $ops";
        let _ = write!(text, "return {{ {} }};\n}})({given});\n}})\n", list(exports));
        Ok((text, lines))
    }

    /// The function of a lazy chunk.
    fn lazy(&self, index: usize, picked: &[Binding]) -> Result<Lazy, String> {
        let chunk = &self.chunks.lazy[index];
        let needs = self.needs(index);
        let outer = self.outer(chunk, needs.iter().cloned());
        let mut text = format!("(function ({PICK}, {LOAD}) {{\n\"use strict\";\n");
        for binding in &needs {
            let name = outer.of(binding);
            if let Some(number) = self.place(binding) {
                let number = self.numbers.len() + number;
                let key = self.key(binding);
                let _ = writeln!(text, "const {name} = {LOAD}({number}).{key};");
            } else if let Some(number) = picked.iter().position(|other| other == binding) {
                let _ = writeln!(text, "const {name} = {PICK}({number});");
            }
        }
        self.members(chunk, &outer, &mut text)?;
        text.push_str("return {\n__proto__: null,\n");
        for path in &chunk.entries {
            let exports = self.exports(path);
            let exports = exports.iter().map(|(name, binding)| (name.as_str(), outer.of(binding)));
            let _ = writeln!(
                text,
                "{}: {{ __proto__: null, {} }},",
                self.numbers[path.as_str()],
                list(exports)
            );
        }
        let shared: Vec<&Binding> = self
            .used
            .iter()
            .filter(|binding| self.place(binding) == Some(index) && self.is_shared(binding, index))
            .collect();
        let keys: Vec<String> = shared.iter().map(|binding| self.key(binding)).collect();
        let shared =
            shared.iter().zip(&keys).map(|(binding, key)| (key.as_str(), outer.of(binding)));
        let number = self.numbers.len() + index;
        let _ = write!(text, "{number}: {{ __proto__: null, {} }},\n}};\n}})\n", list(shared));
        let name = chunk.entries.first().or(chunk.members.last());
        let name = name.ok_or("a chunk is empty")?.clone();
        Ok(Lazy { name, text })
    }

    /// Whether another lazy chunk needs the binding.
    fn is_shared(&self, binding: &Binding, index: usize) -> bool {
        let mut others = (0..self.chunks.lazy.len()).filter(|other| *other != index);
        others.any(|other| self.needs(other).contains(binding))
    }

    /// The name of a binding among all that its chunk gives to others.
    fn key(&self, binding: &Binding) -> String {
        let index = self.place(binding).unwrap_or_default();
        self.outer(&self.chunks.lazy[index], self.needs(index)).of(binding).to_owned()
    }

    /// The modules of a chunk, each a function that gives what others import of it.
    fn members(
        &self,
        chunk: &Chunk,
        outer: &Outer,
        text: &mut String,
    ) -> Result<Vec<(usize, String)>, String> {
        let mut lines = Vec::new();
        let lets = chunk.members.iter().flat_map(|path| self.modules[path].lets.keys());
        let lets: Vec<&str> = lets.map(String::as_str).collect();
        if !lets.is_empty() {
            let _ = writeln!(text, "let {};", lets.join(", "));
        }
        for path in &chunk.members {
            let module = &self.modules[path];
            if module.lines.iter().all(String::is_empty) {
                continue;
            }
            let mut given = Vec::new();
            for binding in &self.used {
                let Binding::Export(owner, name) = binding else { continue };
                if owner == path && module.lets.contains_key(name) {
                    if outer.of(binding) != name {
                        return Err(format!("{path} and another module both export let {name}"));
                    }
                } else if owner == path {
                    given.push((name.as_str(), outer.of(binding)));
                }
            }
            lines.push((text.matches('\n').count() + 1, path.clone()));
            let result = if given.is_empty() {
                String::new()
            } else {
                format!("const {{ {} }} = ", list(given.iter().copied()))
            };
            let _ = write!(text, "{result}(function () {{ ");
            for (local, binding) in self.imports(path) {
                let name = outer.of(&binding);
                if name != local {
                    let _ = write!(text, "const {local} = {name}; ");
                }
            }
            let number = |path: &str| self.numbers[path].to_string();
            for line in &module.lines {
                match module.loads.is_empty() {
                    true => text.push_str(line),
                    false => text.push_str(&with_loads(line, number)),
                }
                text.push('\n');
            }
            if !given.is_empty() {
                let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
                let _ = writeln!(text, "return {{ {} }};", names.join(", "));
            }
            text.push_str("})();\n");
        }
        Ok(lines)
    }
}

/// Members of an object or of a pattern: key, and variable.
fn list<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let member = |(key, variable): (&str, &str)| match key == variable {
        true => key.to_owned(),
        false => format!("{key}: {variable}"),
    };
    pairs.map(member).collect::<Vec<_>>().join(", ")
}
