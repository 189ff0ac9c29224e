import HTTP
import NIOCore
import Primitives

/// etcd v3's requests (rpc.proto) as gRPC messages.
enum Requests {
  static let putPath = "/etcdserverpb.KV/Put"
  static let rangePath = "/etcdserverpb.KV/Range"
  static let txnPath = "/etcdserverpb.KV/Txn"
  static let watchPath = "/etcdserverpb.Watch/Watch"
  static let statusPath = "/etcdserverpb.Maintenance/Status"
  static let moveLeaderPath = "/etcdserverpb.Maintenance/MoveLeader"
  static let leaseGrantPath = "/etcdserverpb.Lease/LeaseGrant"
  static let leaseKeepAlivePath = "/etcdserverpb.Lease/LeaseKeepAlive"

  static func put(_ key: Bytes, _ value: Bytes) -> ByteBuffer {
    .grpcMessage(capacity: key.count + value.count + 16) { writer in
      writer.bytes(1, key)
      writer.bytes(2, value)
    }
  }

  static func get(_ key: Bytes, serializable: Bool) -> ByteBuffer {
    .grpcMessage(capacity: key.count + 16) { writer in
      writer.bytes(1, key)
      writer.bool(7, serializable)
    }
  }

  /// The first `limit` keys from `key` on, below `end`.
  static func range(_ key: Bytes, end: Bytes, limit: Int) -> ByteBuffer {
    .grpcMessage(capacity: key.count + end.count + 16) { writer in
      writer.bytes(1, key)
      writer.bytes(2, end)
      writer.int64(3, Int64(limit))
    }
  }

  /// Puts if the key's version is not -1 (it never is): a comparison that is read, a put that is made, whatever was there.
  static func compareAndPut(_ key: Bytes, _ value: Bytes) -> ByteBuffer {
    .grpcMessage(capacity: 2 * key.count + value.count + 48) { writer in
      writer.message(1) { compare in
        compare.uint64(1, 3)
        compare.bytes(3, key)
        compare.presentInt64(4, -1)
      }
      writer.message(2) { operation in
        operation.message(2) { put in
          put.bytes(1, key)
          put.bytes(2, value)
        }
      }
    }
  }

  /// One transaction without a condition.
  static func putAll(_ pairs: [(key: Bytes, value: Bytes)]) -> ByteBuffer {
    .grpcMessage(capacity: pairs.reduce(16) { $0 + $1.key.count + $1.value.count + 24 }) { writer in
      for pair in pairs {
        writer.message(2) { operation in
          operation.message(2) { put in
            put.bytes(1, pair.key)
            put.bytes(2, pair.value)
          }
        }
      }
    }
  }

  static func moveLeader(to member: UInt64) -> ByteBuffer {
    .grpcMessage { writer in writer.uint64(1, member) }
  }

  static func watch(_ key: Bytes) -> ByteBuffer {
    .grpcMessage { writer in writer.message(1) { $0.bytes(1, key) } }
  }

  static func leaseGrant(id: Int64, ttlSeconds: Int64) -> ByteBuffer {
    .grpcMessage { writer in
      writer.int64(1, ttlSeconds)
      writer.int64(2, id)
    }
  }

  static func leaseKeepAlive(id: Int64) -> ByteBuffer {
    .grpcMessage { writer in writer.int64(1, id) }
  }

  /// The `number`-th key of `length` bytes: text, in order.
  static func key(_ number: Int, length: Int = 32) -> Bytes {
    var digits = Bytes(repeating: 0x30, count: 12)
    var rest: Int = number
    var index: Int = 11
    while rest > 0, index >= 0 {
      digits[index] = 0x30 + UInt8(rest % 10)
      rest /= 10
      index -= 1
    }
    return Bytes("bench/keys/") + digits + Bytes(repeating: 0x78, count: max(0, length - 23))
  }

  /// `count` bytes that differ from number to number, so that nothing can be told apart by being all the same.
  static func value(_ count: Int, _ number: Int) -> Bytes {
    var state = UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15 | 1
    return Bytes(unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count {
        if index % 8 == 0 {
          state ^= state << 13
          state ^= state >> 7
          state ^= state << 17
        }
        buffer[index] = UInt8(truncatingIfNeeded: state >> UInt64(index % 8 * 8))
      }
      filled = count
    }
  }
}
