//! To and from what `qdrant-client` calls a point.

use qdrant_client::qdrant::{PointId, point_id::PointIdOptions};

use super::VectorId;

/// Qdrant has UUIDs and numbers.
impl TryFrom<VectorId> for PointId {
    /// The id, which is another name.
    type Error = VectorId;

    fn try_from(id: VectorId) -> Result<Self, VectorId> {
        match id {
            VectorId::Uuid(id) => Ok(id.hyphenated().to_string().into()),
            VectorId::Number(id) => Ok(id.into()),
            other => Err(other),
        }
    }
}

impl TryFrom<PointId> for VectorId {
    /// The point, which says nothing.
    type Error = PointId;

    fn try_from(point: PointId) -> Result<Self, PointId> {
        match point.point_id_options {
            Some(PointIdOptions::Num(id)) => Ok(id.into()),
            Some(PointIdOptions::Uuid(id)) => Ok(id.into()),
            None => Err(point),
        }
    }
}
