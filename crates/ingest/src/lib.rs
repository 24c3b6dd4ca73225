//! Files and SQL become tables; expectations hold them to a contract.
