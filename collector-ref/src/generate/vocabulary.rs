//! The texts of the fleet.

use scouter_wire::{TextKind, TextRef};

pub(super) const TENANTS: usize = 1_000;
pub(super) const USERS: usize = 50_000;
pub(super) const USER_AGENTS: usize = 300;
pub(super) const ERRORS: usize = 40;
pub(super) const OBJECTS_PER_APPLICATION: usize = 4;
const APPLICATIONS: usize = 16;

/// Texts of one application, in the numbers of the vocabulary.
#[derive(Debug, Clone)]
pub(super) struct Application {
    pub(super) services: Vec<TextRef>,
    pub(super) methods: Vec<TextRef>,
    pub(super) sqls: Vec<TextRef>,
    pub(super) apis: Vec<TextRef>,
}

/// All texts of the fleet.
#[derive(Debug)]
pub struct Vocabulary {
    texts: Vec<(TextKind, TextRef, String)>,
    objects: Vec<String>,
    pub(super) applications: Vec<Application>,
    pub(super) tenants: Vec<String>,
    pub(super) user_agents: Vec<String>,
    pub(super) errors: Vec<String>,
}

/// Numbers texts per kind from 1 on.
#[derive(Default)]
struct Numbering {
    texts: Vec<(TextKind, TextRef, String)>,
    next: [u32; TextKind::ALL.len()],
}

impl Numbering {
    fn add(&mut self, kind: TextKind, text: String) -> TextRef {
        let next = &mut self.next[kind as usize];
        *next += 1;
        let number = TextRef(*next);
        self.texts.push((kind, number, text));
        number
    }
}

const NOUNS: [&str; 25] = [
    "orders",
    "items",
    "customers",
    "invoices",
    "payments",
    "carts",
    "products",
    "prices",
    "shipments",
    "addresses",
    "users",
    "sessions",
    "tenants",
    "reports",
    "events",
    "messages",
    "files",
    "tags",
    "comments",
    "reviews",
    "stocks",
    "warehouses",
    "coupons",
    "refunds",
    "audits",
];

impl Vocabulary {
    pub(super) fn new() -> Self {
        let mut numbering = Numbering::default();
        let applications =
            (0..APPLICATIONS).map(|number| application(number, &mut numbering)).collect();
        let objects = (0..APPLICATIONS * OBJECTS_PER_APPLICATION)
            .map(|number| {
                let (application, instance) =
                    (number / OBJECTS_PER_APPLICATION, number % OBJECTS_PER_APPLICATION);
                format!("/node-{instance}/app-{application}")
            })
            .collect();
        let agent = |number: usize| {
            format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/{}.0.{}.{} Safari/537.36",
                90 + number % 40,
                4_000 + number * 13,
                number % 200
            )
        };
        Self {
            texts: numbering.texts,
            objects,
            applications,
            tenants: (0..TENANTS).map(|number| format!("tenant-{number:04}")).collect(),
            user_agents: (0..USER_AGENTS).map(agent).collect(),
            errors: (0..ERRORS)
                .map(|number| format!("upstream failed: code {number}, connection closed"))
                .collect(),
        }
    }

    /// Kind, number and text of everything in the dictionary.
    #[must_use]
    pub fn texts(&self) -> &[(TextKind, TextRef, String)] {
        &self.texts
    }

    /// Names of all objects.
    #[must_use]
    pub fn objects(&self) -> &[String] {
        &self.objects
    }
}

fn application(number: usize, numbering: &mut Numbering) -> Application {
    let noun = |index: usize| NOUNS[(index + number) % NOUNS.len()];
    let verbs = ["GET", "POST", "PUT", "DELETE", "PATCH"];
    let mut texts = |kind: TextKind, count: usize, text: &dyn Fn(usize) -> String| {
        (0..count).map(|index| numbering.add(kind, text(index))).collect::<Vec<_>>()
    };
    Application {
        services: texts(TextKind::Service, 125, &|index| {
            let (verb, noun) = (verbs[index % 5], noun(index / 5));
            format!("{verb} /app{number}/{noun}/{{id}}")
        }),
        methods: texts(TextKind::Method, 250, &|index| {
            let noun = noun(index / 10);
            format!("load_{noun}_{} @ src/{noun}.rs:{}", index % 10, 17 + index * 3)
        }),
        sqls: texts(TextKind::Sql, 190, &|index| {
            let (table, other) = (noun(index), noun(index / 3 + 7));
            format!(
                "SELECT {table}.id, {table}.state, {table}.total, {other}.name FROM {table} JOIN \
                 {other} ON {other}.id = {table}.{other}_id WHERE {table}.tenant_id = ? AND \
                 {table}.field_{} = ? ORDER BY {table}.created_at DESC LIMIT ?",
                index / 5
            )
        }),
        apis: texts(TextKind::Api, 40, &|index| {
            format!("{} {}.internal:8080/v1/{}", verbs[index % 2], noun(index), noun(index + 3))
        }),
    }
}
