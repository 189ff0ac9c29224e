import KubeModel
import Primitives
import Testing

@testable import Kubelet

@Suite("Logs that are turned over and images that go")
struct HousekeepingTests {
  private let now = WallTime(secondsSince1970: 1_800_000_000, nanoseconds: 5)

  @Test("A log is turned over at its size, and only so many are kept")
  func rotation() {
    let rotation = LogRotation(limits: .init(bytes: 100, files: 3))
    let stamp: String = LogRotation.stamp(now)
    #expect(stamp == "20270115-080000")
    #expect(rotation.steps(name: "0.log", size: 99, present: ["0.log"], now: now) == [])
    #expect(rotation.steps(name: "0.log", size: 100, present: ["0.log", "1.log"], now: now) == [.rename(to: "0.log.\(stamp)")])
    let present: [String] = ["0.log", "0.log.20260101-000000", "0.log.20260102-000000", "0.log.note", "10.log.20260101-000000"]
    #expect(
      rotation.steps(name: "0.log", size: 500, present: present, now: now) == [
        .remove("0.log.20260101-000000"), .rename(to: "0.log.\(stamp)"),
      ])
    // Twice in a second nothing is overwritten.
    #expect(rotation.steps(name: "0.log", size: 500, present: ["0.log.\(stamp)"], now: now) == [])
  }

  @Test("Images go by least use, and only what nobody needs")
  func images() {
    var collector = ImageCollector()
    let images: [ImageFacts] = ["old", "used", "kept", "fresh", "pinned", "pause"].map {
      var image = ImageFacts(id: "sha256:\($0)", names: ["docker.io/library/\($0):latest"], sizeBytes: 10)
      image.pinned = $0 == "pinned"
      return image
    }
    func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    collector.onSeen(images.filter { $0.id != "sha256:fresh" }, used: ["old"], now: at(10))
    collector.onSeen(images, used: ["sha256:used"], now: at(300))
    let used: Set<String> = ["sha256:used"]
    let kept: Set<String> = ["kept:latest", "pause"]
    #expect(collector.victims(images, bytes: 1_000, used: used, kept: kept, now: at(310)).map(\.id) == ["sha256:old"])
    // The fresh one is old enough two minutes later; the one that was used longest ago goes first.
    #expect(collector.victims(images, bytes: 1_000, used: used, kept: kept, now: at(500)).map(\.id) == ["sha256:fresh", "sha256:old"])
    #expect(collector.victims(images, bytes: 5, used: used, kept: kept, now: at(500)).count == 1)
    #expect(collector.victims(images, bytes: 5, used: used, kept: kept.union(["old", "fresh"]), now: at(500)).isEmpty)
  }

  @Test("Between 85 and 80 per cent")
  func thresholds() {
    let collector = ImageCollector()
    #expect(collector.wanted(.init(capacity: 1_000, free: 160)) == nil)
    #expect(collector.wanted(.init(capacity: 1_000, free: 150)) == 50)
    #expect(collector.wanted(.init(capacity: 1_000, free: 0)) == 200)
    #expect(collector.wanted(.init(capacity: 0, free: 0)) == nil)
  }

  @Test("Names in full")
  func names() {
    #expect(ImageName.full("nginx") == "docker.io/library/nginx:latest")
    #expect(ImageName.full("a/b:1") == "docker.io/a/b:1")
    #expect(ImageName.full("localhost:5000/b") == "localhost:5000/b:latest")
    #expect(ImageName.full("reg.example/b@sha256:00") == "reg.example/b@sha256:00")
    #expect(ImageName.full("sha256:00") == "sha256:00")
  }
}
