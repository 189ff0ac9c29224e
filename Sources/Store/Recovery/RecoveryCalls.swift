import Consensus
import Keyspace
import Logging
import NIOCore
import Primitives
import SiteLink

/// What a person's tool may ask of a member over the link's port, with the certificate of a store of the federation.
enum StoreOrder: Sendable {
  case report
  /// Of this center's stores alone.
  case follow(epoch: UInt64, mark: UInt64)
  /// Of this center's stores alone.
  case found(FoundingOrder)
  case change(MemberChange)

  func encode() -> Bytes {
    var writer = ByteWriter()
    writer.byte(1)
    switch self {
    case .report: writer.byte(1)
    case .follow(let epoch, let mark):
      writer.byte(2)
      writer.unsigned(epoch)
      writer.fixed64(mark)
    case .found(let order):
      writer.byte(3)
      order.encode(to: &writer)
    case .change(let change):
      writer.byte(4)
      writer.block(change.command.encode())
    }
    return writer.take()
  }

  init(_ bytes: Bytes) throws {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == 1 else { throw reader.malformed("order of version \(version): upgrade this member") }
    switch try reader.byte() {
    case 1: self = .report
    case 2: self = .follow(epoch: try reader.unsigned(), mark: try reader.fixed64())
    case 3: self = .found(try FoundingOrder(from: &reader))
    case 4:
      guard let change = MemberChange(try KeyspaceCommand.decode(try reader.block())) else { throw reader.malformed("no such change") }
      self = .change(change)
    case let kind: throw reader.malformed("unknown order \(kind): the tool is of another version")
    }
    try reader.finish()
  }
}

/// An answer: a report, a recovery, nothing but that it was done, or why not.
struct StoreOrderAnswer: Sendable {
  var result: Result<Bytes, StoreError>

  func encode() -> Bytes {
    var writer = ByteWriter()
    switch result {
    case .success(let bytes):
      writer.byte(0)
      writer.block(bytes)
    case .failure(let error):
      writer.byte(1)
      writer.block(Bytes(error.code.name))
      writer.block(Bytes(error.message))
    }
    return writer.take()
  }

  init(_ result: Result<Bytes, StoreError>) { self.result = result }

  init(_ bytes: Bytes) throws {
    var reader = ByteReader(bytes)
    if try reader.byte() == 0 {
      result = .success(try reader.block())
    } else {
      result = .failure(StoreError(StoreError.Code(try reader.block().text), try reader.block().text))
    }
    try reader.finish()
  }
}

extension Store {
  /// An order that came over the link.
  func carryOut(_ bytes: Bytes, from caller: LinkCaller) async -> Bytes {
    let result: Result<Bytes, StoreError>
    do {
      result = .success(try await carryOut(try StoreOrder(bytes), from: caller))
    } catch let error as StoreError {
      result = .failure(error)
    } catch let error as KeyspaceError {
      result = .failure(StoreError(StoreError.Code(error.code.name), error.message, cause: error))
    } catch {
      result = .failure(StoreError(.cannotOpen, "\(error)", cause: error))
    }
    return StoreOrderAnswer(result).encode()
  }

  private func carryOut(_ order: StoreOrder, from caller: LinkCaller) async throws -> Bytes {
    func needOwnCenter() throws {
      let own: String = configuration.member?.center.value ?? ""
      guard caller.center == own else {
        throw StoreError(.refused, "\(caller.host) is in \(caller.center): a member of \(own) is recovered from a host of \(own) alone")
      }
    }
    switch order {
    case .report: return try await survivorReport().encode()
    case .follow(let epoch, let mark):
      try needOwnCenter()
      try await restart("survivors become a new cluster, epoch \(epoch)") { _, disk in try Founding.follow(epoch, mark: mark, disk) }
      return []
    case .found(let order):
      try needOwnCenter()
      guard try await survivorReport().leader == nil else {
        throw StoreError(.refused, "this member has a leader: a majority is there")
      }
      let recovery: Recovery = try await restart("this member's log becomes that of a new cluster, epoch \(order.epoch)") {
        try Founding.carryOut(order, $0, $1)
      }
      var writer = ByteWriter()
      recovery.encode(to: &writer)
      return writer.take()
    case .change(let change):
      try await self.ask(change)
      return []
    }
  }

  func survivorReport() async throws -> SurvivorReport {
    try await eventLoop.submit {
      guard let member: MemberCore = self.core.value else { throw StoreError(.wrongState, "this member is not running") }
      return try member.survivorReport()
    }.get()
  }
}
