//! The configurations of the servers that are measured, and their certificate.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::BenchError;
use super::workers::Project;

const COMPATIBILITY_DATE: &str = "2026-11-01";
/// More requests than any connection has.
const REQUESTS_MAX: u32 = 1_000_000_000;

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
/// plain HTTP itself. With TLS clients come through inbound. The folders are those of the benchmark
/// and of the project.
pub fn isolde_configuration(project: &Project, bench: &Path, folder: &Path, port: &str) -> String {
    let name = project.name;
    let listen = if project.tls {
        let (chain, key) = certificate_paths(bench);
        format!(
            "http = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:{port}\"\n\n\
             [[certificate]]\nchain = {chain:?}\nkey = {key:?}\n"
        )
    } else {
        format!("http = \"127.0.0.1:{port}\"\n")
    };
    format!(
        "[listen]\n{listen}\n\
         [[worker]]\nname = \"{name}\"\npath = {folder:?}\nhosts = [\"localhost\"]\n\n{}",
        project.more_workers
    )
}

/// The configuration for nginx: TLS ends at `port`, a server of plain HTTP is `behind`. Relative
/// paths are below its own folder. It closes a connection after 1,000 requests where nothing else
/// is said, and has no access log, like the others.
pub fn nginx_configuration(folder: &Path, port: u16, behind: u16) -> String {
    let (chain, key) = certificate_paths(folder);
    format!(
        "worker_processes auto;\n\
         pid nginx.pid;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
         upstream worker {{\n\
         server 127.0.0.1:{behind}; keepalive 64; keepalive_requests {REQUESTS_MAX};\n\
         }}\n\
         server {{\n\
         listen 127.0.0.1:{port} ssl; keepalive_requests {REQUESTS_MAX};\n\
         ssl_certificate {chain:?}; ssl_certificate_key {key:?};\n\
         ssl_protocols TLSv1.2 TLSv1.3;\n\
         location / {{\n\
         proxy_pass http://worker; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
         }}\n}}\n}}\n"
    )
}

/// Where the certificate and its key are, in the folder of the benchmark.
pub fn certificate_paths(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("certificate.pem"), folder.join("certificate.key"))
}

/// Makes a certificate for `localhost`, the same for all servers, if there is none yet.
pub fn write_certificate(folder: &Path) -> Result<(), BenchError> {
    let (chain, key) = certificate_paths(folder);
    if chain.exists() && key.exists() {
        return Ok(());
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .map_err(BenchError::Certificate)?;
    write(&key, &made.signing_key.serialize_pem())?;
    write(&chain, &made.cert.pem())
}

/// Writes a file, and its folder where that is missing. One that has this text is left alone:
/// `isolde dev` may watch it.
pub fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    let failed = |cause| BenchError::Write { path: path.to_path_buf(), cause };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(failed)
}
