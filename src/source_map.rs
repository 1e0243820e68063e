//! Stack traces in terms of the project's own files.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use isolate::{Location, StackFrame, Thrown};
use oxc_sourcemap::SourceMap;
use program::Artifact;

/// The source maps of a Worker's modules, by module name.
#[derive(Default)]
pub struct SourceMaps {
    maps: RwLock<HashMap<String, Arc<SourceMap<'static>>>>,
}

impl SourceMaps {
    /// Takes the maps of a new build.
    pub fn replace(&self, artifact: &Artifact) {
        let mut maps = HashMap::new();
        for module in artifact.modules() {
            let json = module.source_map.as_deref().and_then(|map| std::str::from_utf8(map).ok());
            let map = json.map(SourceMap::from_json_string);
            if let Some(Ok(map)) = map {
                maps.insert(module.name.clone(), Arc::new(map.into_owned()));
            }
        }
        if let Ok(mut current) = self.maps.write() {
            *current = maps;
        }
    }

    /// The place in the project's files from which a place in the program was generated.
    pub fn original(&self, location: &Location) -> Option<Location> {
        let map = self.maps.read().ok()?.get(&location.script)?.clone();
        let table = map.generate_lookup_table();
        let (line, column) = (location.line.checked_sub(1)?, location.column.checked_sub(1)?);
        let token = map.lookup_source_view_token(&table, line, column)?;
        Some(Location {
            script: token.get_source()?.to_string(),
            line: token.get_src_line() + 1,
            column: token.get_src_col() + 1,
        })
    }

    /// The line of source at a place of the project's files.
    pub fn source_line(&self, original: &Location) -> Option<String> {
        let maps = self.maps.read().ok()?;
        for map in maps.values() {
            let found = map.get_sources().position(|source| source == original.script.as_str());
            let Some(index) = found else { continue };
            let content = map.get_source_content(u32::try_from(index).ok()?)?;
            return content.lines().nth(original.line as usize - 1).map(str::to_owned);
        }
        None
    }

    /// The exception with its stack and location mapped.
    pub fn map(&self, thrown: &Thrown) -> Thrown {
        let mut mapped = thrown.clone();
        mapped.stack =
            thrown.stack.lines().map(|line| self.map_line(line)).collect::<Vec<_>>().join("\n");
        if let Some(original) = thrown.location.as_ref().and_then(|at| self.original(at)) {
            mapped.source_line = self.source_line(&original).or(mapped.source_line);
            mapped.location = Some(original);
        }
        for (_, related) in &mut mapped.related {
            *related = self.map(related);
        }
        mapped
    }

    /// Maps the frames of stack traces in a text of the Worker, and removes those of the web APIs.
    pub fn map_text(&self, text: &str) -> String {
        if !text.lines().any(StackFrame::is_frame) {
            return text.to_owned();
        }
        let mut lines: Vec<String> = Vec::new();
        for line in text.split('\n') {
            // A brace opens the error's own properties, which the console shows behind the stack.
            let (frame, brace) = line.strip_suffix(" {").map_or((line, ""), |frame| (frame, " {"));
            if StackFrame::parse(frame).is_some_and(|frame| frame.is_internal()) {
                if let Some(last) = lines.last_mut() {
                    last.push_str(brace);
                }
            } else {
                lines.push(self.map_line(frame) + brace);
            }
        }
        lines.join("\n")
    }

    /// Maps the `file:line:column` of a line of a stack trace.
    fn map_line(&self, line: &str) -> String {
        let mapped = StackFrame::parse(line)
            .and_then(|frame| Some((self.original(&frame.location)?, frame.range)));
        let Some((at, range)) = mapped else {
            return line.to_owned();
        };
        let (before, after) = (&line[..range.start], &line[range.end..]);
        format!("{before}{}:{}:{}{after}", at.script, at.line, at.column)
    }
}
