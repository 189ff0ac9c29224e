import Consensus
import Keyspace
import NIOCore
import Primitives

extension FuzzTarget {
  /// What members of a store send each other inside the link's frames, and what their log holds.
  public static var store: [FuzzTarget] { [frames, payloads, introductions, peerURLs] + recovery }

  private static var frames: FuzzTarget {
    let raft = RaftMessage(from: MemberID(1), to: MemberID(2), term: 3, body: .heartbeat(commit: 5, round: 6))
    let examples: [StoreFrame] = [
      .raft(raft), .snapshotBegin(transfer: 1, metadata: [1]), .snapshotChunk(transfer: 1, number: 2, bytes: [1, 2, 3]),
      .snapshotEnd(transfer: 1, chunks: 3, message: [4]), .snapshotAcknowledged(transfer: 1, chunks: 2), .snapshotRefused(transfer: 1),
      .call(id: 4, LeaderCall(kind: .keepAlive, lease: 7)), .answer(id: 4, LeaderAnswer(outcome: .done, value: -1)),
      .change(id: 5, command: [1, 2]), .changed(id: 5, member: 6, code: "", message: "text"),
      .relayed(receivers: [MemberID(2), MemberID(3)], raft), .forwarded(raft), .relayFailed(receivers: [MemberID(3)]),
      .snapshotWanted(raft),
      .snapshotReport(receiver: MemberID(3), isAlive: true),
    ]
    return FuzzTarget("store-frames", corpus: examples.map { Bytes($0.encode().readableBytesView) }) { input throws(FuzzFinding) in
      guard let frame: StoreFrame = try? StoreFrame(ByteBuffer(bytes: input)) else { return false }
      guard Bytes(frame.encode().readableBytesView) == input else {
        throw FuzzFinding("what was taken is written in another way: \(frame)")
      }
      return true
    }
  }

  private static var payloads: FuzzTarget {
    let command: KeyspaceCommand = .put(PutRequest(key: Bytes("k"), value: Bytes("v")))
    let examples: [LogPayload] = [
      LogPayload(origin: MemberID(1), request: 2, command: command),
      LogPayload(origin: MemberID(1), request: 3, durability: .citySafe, command: command),
    ]
    return .whole("log-payloads", corpus: examples.map { $0.encode() }) { try LogPayload.command(try LogPayload.head($0).rest) }
  }

  private static var introductions: FuzzTarget {
    let records: [MemberRecord] = [MemberRecord(id: MemberID(1), name: "a", peerURLs: ["https://a:2380"])]
    return .whole("member-introductions", corpus: [StoreConfiguration.introduction(clusterID: 5, records)]) {
      try StoreConfiguration.readIntroduction($0)
    }
  }

  private static var peerURLs: FuzzTarget {
    FuzzTarget(
      "peer-urls", corpus: [Bytes("https://10.0.0.1:2380"), Bytes("http://[::1]:1")], words: [Bytes("://"), Bytes("["), Bytes("]:")]
    ) {
      input throws(FuzzFinding) in
      guard let address: (host: String, port: Int) = PeerURL.parse(input.text) else { return false }
      let again: (host: String, port: Int)? = PeerURL.parse(PeerURL.text(host: address.host, port: address.port))
      guard again?.port == address.port, again?.host == address.host else {
        throw FuzzFinding("\(address) comes back as \(String(describing: again))")
      }
      return true
    }
  }
}
