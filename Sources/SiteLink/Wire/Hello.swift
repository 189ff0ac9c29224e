import NIOCore
import Primitives

/// The first frame on a connection, from the one that dialled: what it speaks, which cluster it belongs to, who it is and whom it wants.
struct Hello: Equatable {
  /// ALPN, so that a stranger's TLS client is refused before a byte of ours.
  static let alpn: String = "tricenter-link/1"
  static let magic: UInt64 = 0x5452_4349_4C49_4E4B
  static let version: UInt16 = 1

  var clusterID: UInt64
  var from: MemberID
  var to: MemberID
  /// Of the cluster, as the sender knows it: grows when survivors of a lost majority become a new cluster. Nobody talks across epochs.
  var epoch = LinkEpoch()
  /// What the one who dials understands; nil from members that were made before there was anything to say. Then comes the epoch's mark.
  var features: LinkFeatures?

  /// From somebody who is no member yet and asks who is: all ids are 0. It is answered and the connection closed.
  static let question = Self(clusterID: 0, from: MemberID(0), to: MemberID(0))
  /// From a person's tool with a store's certificate: one request follows, and is answered.
  static let command = Self(clusterID: 0, from: MemberID(0), to: MemberID(.max))

  func write(to buffer: inout ByteBuffer) {
    buffer.writeInteger(Self.magic)
    buffer.writeInteger(Self.version)
    buffer.writeInteger(clusterID)
    buffer.writeInteger(from.value)
    buffer.writeInteger(to.value)
    buffer.writeInteger(epoch.number)
    guard let features else { return }
    buffer.writeInteger(features.rawValue)
    buffer.writeInteger(epoch.mark)
  }

  /// What follows the known fields belongs to a later minor revision and is left alone.
  init(from buffer: inout ByteBuffer) throws(LinkError) {
    guard let magic: UInt64 = buffer.readInteger(), magic == Self.magic, let version: UInt16 = buffer.readInteger() else {
      throw LinkError(.notOurProtocol, "The peer does not speak the link between centers.")
    }
    guard version == Self.version else {
      throw LinkError(.notOurProtocol, "The peer speaks version \(version) of the link between centers; here it is \(Self.version).")
    }
    guard let clusterID: UInt64 = buffer.readInteger(), let from: UInt64 = buffer.readInteger(), let to: UInt64 = buffer.readInteger()
    else {
      throw LinkError(.badFrame, "The peer's hello is cut short.")
    }
    // Members of before there were epochs do not say one.
    let epoch: UInt64 = buffer.readInteger() ?? 0
    let features: LinkFeatures? = buffer.readInteger().map { LinkFeatures(rawValue: $0) }
    self.init(
      clusterID: clusterID, from: MemberID(from), to: MemberID(to), epoch: LinkEpoch(number: epoch, mark: buffer.readInteger() ?? 0),
      features: features)
  }

  init(clusterID: UInt64, from: MemberID, to: MemberID, epoch: LinkEpoch = LinkEpoch(), features: LinkFeatures? = nil) {
    self.clusterID = clusterID
    self.from = from
    self.to = to
    self.epoch = epoch
    self.features = features
  }
}

/// What a member can receive beyond the first revision of the protocol.
struct LinkFeatures: OptionSet, Equatable, Sendable {
  let rawValue: UInt8
  static let compressedChunks = Self(rawValue: 1)
  static let own: Self = [.compressedChunks]
}
