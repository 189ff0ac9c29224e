import Glibc
import NIOCore
import NIOHPACK
import Processes
import Testing

@testable import Benchmarks

/// The instruments, against Debian's etcd and against NIO's own decoder.
@Suite(.serialized) struct TransferTests {
  static let etcd: String? = findProgram("etcd")

  @Test(.enabled(if: etcd != nil, "etcd is not installed (Debian's etcd-server)"))
  func everyMoveIsMeasuredAndTheFolderGoes() async throws {
    let folder = "/tmp/tricenter-bench-\(getpid())-moves"
    var moves = LeaderMoves(programs: [.etcd(Self.etcd ?? "etcd")], directory: folder)
    moves.times = 2
    let outcomes: [LeaderMoves.Outcome] = try await moves.run()
    let outcome: LeaderMoves.Outcome = try #require(outcomes.first)
    #expect(outcomes.count == 1 && outcome.pauses.count == 2 && outcome.silences.count == 2 && outcome.answers.count == 2)
    for (pause, silence) in zip(outcome.pauses, outcome.silences) { #expect(silence > 0 && silence <= pause) }
    #expect(outcome.acknowledged > 10)
    #expect(LeaderMoves.text(outcomes).contains("2 planned moves"))
    #expect(access(folder, F_OK) != 0, "the benchmark's folder stays behind")
  }

  @Test func requestsSayTheirMetadataInTheFirstBlockAndInAllLaterOnes() throws {
    let head = RequestHead(path: "/a/B", authority: "x:1", secure: true, metadata: [("tricenter-durability", "city-safe")])
    var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    var first = ByteBuffer(bytes: head.first)
    let fields: HPACKHeaders = try decoder.decodeHeaders(from: &first)
    #expect(fields.first(name: "tricenter-durability") == "city-safe" && fields.first(name: ":path") == "/a/B")
    for _ in 0..<2 {
      var again = ByteBuffer(bytes: head.again)
      #expect(try decoder.decodeHeaders(from: &again) == fields)
    }
    #expect(head.again.count == 7 && head.tableBytes == 5 * 32 + 5 + 4 + 10 + 3 + 12 + 16 + 2 + 8 + 20 + 9)
  }

  @Test func percentilesAreOfTheSortedFigures() {
    #expect(Percentile.of([], 0.5) == 0)
    #expect(Percentile.of([3, 1, 2], 0.5) == 2 && Percentile.of([3, 1, 2], 1) == 3 && Percentile.of([3, 1, 2], 0) == 1)
  }
}
