//! What `import` made of logs, for people.

use crate::report::import::Imports;
use crate::report::units::counted;

/// A line for each: what was written, and why not all of it.
pub fn imports(imports: &Imports) -> String {
    let lines = imports.imports.iter().map(|import| {
        let lacks = import.lacks.as_ref();
        let lacks = lacks.map_or(String::new(), |why| {
            format!("\n  only what was refused: {why}")
        });
        format!(
            "{}  {}: {} in {} and {}{lacks}\n",
            import.verdict().name(),
            import.log.display(),
            counted(import.calls as u64, "call"),
            import.scenario.display(),
            import.trace.display()
        )
    });
    lines.collect()
}
