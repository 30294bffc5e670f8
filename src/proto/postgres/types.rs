//! Types of values: those that our tables have, and lists of them.
//!
//! The numbers are fixed in every PostgreSQL (pg_type.dat among its sources).

/// One type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// `boolean`
    Bool,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `double precision`
    Float8,
    /// `text`
    Text,
    /// `bytea`
    Bytea,
    /// `uuid`
    Uuid,
    /// `timestamp with time zone`
    Timestamptz,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
}

/// What a parameter of a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// One value.
    One(Scalar),
    /// An array of one dimension. `INSERT … SELECT * FROM unnest($1, $2)` writes many rows with
    /// one statement.
    List(Scalar),
}

impl Scalar {
    /// The number of the type itself.
    #[must_use]
    pub const fn oid(self) -> u32 {
        match self {
            Self::Bool => 16,
            Self::Bytea => 17,
            Self::Int8 => 20,
            Self::Int4 => 23,
            Self::Text => 25,
            Self::Json => 114,
            Self::Float8 => 701,
            Self::Timestamptz => 1184,
            Self::Uuid => 2950,
            Self::Jsonb => 3802,
        }
    }

    /// The number of the type of its arrays.
    #[must_use]
    pub const fn list_oid(self) -> u32 {
        match self {
            Self::Bool => 1000,
            Self::Bytea => 1001,
            Self::Int4 => 1007,
            Self::Text => 1009,
            Self::Int8 => 1016,
            Self::Float8 => 1022,
            Self::Timestamptz => 1185,
            Self::Json => 199,
            Self::Uuid => 2951,
            Self::Jsonb => 3807,
        }
    }
}

impl Type {
    /// The number that stands for it.
    #[must_use]
    pub const fn oid(self) -> u32 {
        match self {
            Self::One(scalar) => scalar.oid(),
            Self::List(scalar) => scalar.list_oid(),
        }
    }

    /// The type of what is in it.
    #[must_use]
    pub(super) const fn element(self) -> Self {
        match self {
            Self::One(scalar) | Self::List(scalar) => Self::One(scalar),
        }
    }
}

/// Types that are read but never sent.
pub(super) mod read_only {
    pub(in super::super) const INT2: u32 = 21;
    pub(in super::super) const NAME: u32 = 19;
    pub(in super::super) const OID: u32 = 26;
    pub(in super::super) const FLOAT4: u32 = 700;
    pub(in super::super) const UNKNOWN: u32 = 705;
    pub(in super::super) const BPCHAR: u32 = 1042;
    pub(in super::super) const VARCHAR: u32 = 1043;
}
