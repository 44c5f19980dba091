//! To and from what `qdrant-client` calls a point.

use qdrant_client::qdrant::{PointId, point_id::PointIdOptions};
use uuid::Uuid;

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

/// A UUID in each form that Qdrant reads, also `urn:uuid:…`: two forms of one point are one id.
impl TryFrom<PointId> for VectorId {
    /// The point, which is none that Qdrant could have.
    type Error = PointId;

    fn try_from(point: PointId) -> Result<Self, PointId> {
        match &point.point_id_options {
            Some(PointIdOptions::Num(id)) => Ok(Self::Number(*id)),
            Some(PointIdOptions::Uuid(id)) => Uuid::parse_str(id).map(Self::Uuid).or(Err(point)),
            None => Err(point),
        }
    }
}
