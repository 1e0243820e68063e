//! The keys of a wrangler file: whether an environment inherits them, and what we do with them.

use Scope::{Inherited, PerEnvironment, TopLevel};
use Support::{DeployOnly, Missing, Used};

/// How a key behaves in `env.<name>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The value of the top level holds where the environment has none.
    Inherited,
    /// Every environment has its own value or none.
    PerEnvironment,
    /// May stand at the top level only.
    TopLevel,
}

/// What this version does with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// It has an effect.
    Used,
    /// It says something about a deployment or an account and has no effect on the program.
    DeployOnly,
    /// The program may count on it and will not find it: a warning names what is missing.
    Missing(&'static str),
}

/// One key of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) support: Support,
}

const fn key(name: &'static str, scope: Scope, support: Support) -> Key {
    Key { name, scope, support }
}

const BINDING: Support = Missing("binding kind");
const FEATURE: Support = Missing("setting");

/// All keys that wrangler 4.86 knows.
pub(crate) const KEYS: &[Key] = &[
    key("$schema", TopLevel, DeployOnly),
    key("name", Inherited, Used),
    key("main", Inherited, Used),
    key("account_id", Inherited, DeployOnly),
    key("compatibility_date", Inherited, Used),
    key("compatibility_flags", Inherited, Used),
    key("compliance_region", Inherited, DeployOnly),
    key("workers_dev", Inherited, DeployOnly),
    key("preview_urls", Inherited, DeployOnly),
    key("route", Inherited, DeployOnly),
    key("routes", Inherited, DeployOnly),
    key("triggers", Inherited, FEATURE),
    key("migrations", Inherited, DeployOnly),
    key("limits", Inherited, Used),
    key("placement", Inherited, DeployOnly),
    key("observability", Inherited, DeployOnly),
    key("logpush", Inherited, DeployOnly),
    key("upload_source_maps", Inherited, DeployOnly),
    key("keep_vars", TopLevel, DeployOnly),
    key("assets", Inherited, FEATURE),
    key("cache", Inherited, DeployOnly),
    key("build", Inherited, Used),
    key("no_bundle", Inherited, Used),
    key("minify", Inherited, Used),
    key("keep_names", Inherited, Used),
    key("find_additional_modules", Inherited, Used),
    key("preserve_file_names", Inherited, Used),
    key("base_dir", Inherited, Used),
    key("rules", Inherited, Used),
    key("tsconfig", Inherited, Used),
    key("jsx_factory", Inherited, Used),
    key("jsx_fragment", Inherited, Used),
    key("alias", TopLevel, Used),
    key("define", PerEnvironment, Used),
    key("python_modules", Inherited, FEATURE),
    key("vars", PerEnvironment, Used),
    key("secrets", PerEnvironment, DeployOnly),
    key("kv_namespaces", PerEnvironment, BINDING),
    key("r2_buckets", PerEnvironment, BINDING),
    key("d1_databases", PerEnvironment, BINDING),
    key("queues", PerEnvironment, BINDING),
    key("durable_objects", PerEnvironment, BINDING),
    key("services", PerEnvironment, Used),
    key("workflows", PerEnvironment, BINDING),
    key("analytics_engine_datasets", PerEnvironment, BINDING),
    key("ratelimits", PerEnvironment, BINDING),
    key("dispatch_namespaces", PerEnvironment, BINDING),
    key("version_metadata", PerEnvironment, BINDING),
    key("worker_loaders", PerEnvironment, BINDING),
    key("tail_consumers", PerEnvironment, FEATURE),
    key("streaming_tail_consumers", PerEnvironment, FEATURE),
    key("hyperdrive", PerEnvironment, BINDING),
    key("vectorize", PerEnvironment, BINDING),
    key("ai", PerEnvironment, BINDING),
    key("browser", PerEnvironment, BINDING),
    key("images", PerEnvironment, BINDING),
    key("media", PerEnvironment, BINDING),
    key("stream", PerEnvironment, BINDING),
    key("send_email", PerEnvironment, BINDING),
    key("mtls_certificates", PerEnvironment, BINDING),
    key("pipelines", PerEnvironment, BINDING),
    key("secrets_store_secrets", PerEnvironment, BINDING),
    key("vpc_services", PerEnvironment, BINDING),
    key("vpc_networks", PerEnvironment, BINDING),
    key("ai_search", PerEnvironment, BINDING),
    key("ai_search_namespaces", PerEnvironment, BINDING),
    key("artifacts", PerEnvironment, BINDING),
    key("flagship", PerEnvironment, BINDING),
    key("unsafe_hello_world", PerEnvironment, BINDING),
    key("logfwdr", Inherited, BINDING),
    key("unsafe", PerEnvironment, FEATURE),
    key("containers", PerEnvironment, FEATURE),
    key("cloudchamber", PerEnvironment, FEATURE),
    key("first_party_worker", Inherited, DeployOnly),
    key("previews", Inherited, DeployOnly),
    key("env", TopLevel, Used),
    key("dev", TopLevel, Used),
    key("site", TopLevel, FEATURE),
    key("wasm_modules", TopLevel, Used),
    key("text_blobs", TopLevel, Used),
    key("data_blobs", TopLevel, Used),
    key("send_metrics", TopLevel, DeployOnly),
    key("legacy_env", TopLevel, DeployOnly),
    key("pages_build_output_dir", TopLevel, FEATURE),
];

/// What is known about a key.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
