import Primitives

extension FuzzTarget {
  /// What resolvers send.
  public static var clusterDNS: [FuzzTarget] {
    let name: Bytes = [3] + Bytes("web") + [4] + Bytes("shop") + [0]
    let question: Bytes = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 1, 0, 1]
    var withEDNS: Bytes = question
    withEDNS[11] = 1
    withEDNS += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
    let answer = DNSAnswer(
      .noError, answers: (0..<40).map { DNSRecord(name: DNSName("web.shop"), ttlSeconds: 5, data: .a([10, 0, 0, UInt8($0)])) },
      authority: [
        DNSRecord(
          name: DNSName("shop"), ttlSeconds: 5, data: .soa(primary: DNSName("ns"), mailbox: DNSName("root"), serial: 1, negativeTTL: 5))
      ])
    return [
      FuzzTarget("dns-queries", corpus: [question, withEDNS], words: [[0xC0, 12], [0, 0, 41], [63]]) { input throws(FuzzFinding) in
        guard case .success(let query) = DNSQuery.parse(input) else { return false }
        let limit: Int = max(512, query.ednsBytes ?? 512)
        let message: Bytes = answer.encode(for: query, limit: limit)
        guard message.count <= limit else { throw FuzzFinding("an answer of \(message.count) bytes where \(limit) fit") }
        guard message.starts(with: input.prefix(2)) else { throw FuzzFinding("an answer under another number") }
        return true
      }
    ]
  }
}
