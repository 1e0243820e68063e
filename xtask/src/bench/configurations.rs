//! The configurations of the servers that are measured.

use serde_json::json;

use super::rows::Project;

const COMPATIBILITY_DATE: &str = "2026-11-01";

/// The configuration for `isolde dev`.
pub fn wrangler_configuration(project: &Project) -> String {
    let limits = project.cpu_ms.map(|cpu_ms| json!({ "cpu_ms": cpu_ms }));
    let mut configuration = json!({
        "name": project.name,
        "main": format!("src/{}", project.file),
        "compatibility_date": COMPATIBILITY_DATE,
    });
    if let Some(limits) = limits {
        configuration["limits"] = limits;
    }
    format!("{configuration:#}\n")
}

/// The configuration for workerd: the Worker, or one that loads copies of it.
pub fn workerd_configuration(project: &Project) -> String {
    let worker = match project.copies {
        None => "modules = [(name = \"main\", esModule = embed \"bundle.js\")]",
        Some(_) => {
            "modules = [(name = \"main\", esModule = embed \"loader.js\"),\n\
             (name = \"copy.js\", text = embed \"bundle.js\")],\n\
             bindings = [(name = \"loader\", workerLoader = (id = \"bench\"))]"
        }
    };
    format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n\
         services = [(name = \"main\", worker = (compatibilityDate = \"{COMPATIBILITY_DATE}\",\n\
         {worker}))],\n\
         sockets = [(name = \"http\", http = (), service = \"main\")]);\n"
    )
}

/// The configuration for `isolde serve`: one Worker in one cordon, whose process takes clients of
/// plain HTTP itself.
pub fn isolde_configuration(project: &Project, port: &str) -> String {
    let name = project.name;
    format!(
        "[listen]\nhttp = \"127.0.0.1:{port}\"\n\n\
         [[worker]]\nname = \"{name}\"\npath = \".\"\nhosts = [\"localhost\"]\n"
    )
}
