import Glibc
import KubeModel
import Primitives
import TestSupport
import Testing

@testable import Scheduler

/// Every file is a cluster and pods to place, one after the other. `REWRITE=1` in the environment writes the decisions anew; commit a
/// rewrite only if you know what caused it.
@Suite struct CycleTests {
  static let cases: [String] = files(testdata(#filePath, "cycle"))

  @Test(arguments: cases) func `places as written`(file: String) throws {
    let path: String = testdata(#filePath, "cycle/\(file)")
    let text: String = try read(path)
    let document: JSONValue = try YAMLText.parse(text)
    var view = ClusterView()
    var random = SeededRandom(seed: 1)
    var placed: [JSONValue] = []
    for json in document["in"].array {
      let object = KubeObject(json)
      switch object.kind {
      case "Node": view.setNode(object)
      case "Namespace": view.setNamespace(object)
      default: view.setPod(PodInfo(object))
      }
    }
    for json in document["place"].array {
      let pod = PodInfo(KubeObject(json))
      switch SchedulingCycle.run(pod, in: view, active: document["active"].string.map { CenterName($0) }, random: &random) {
      case .node(let node):
        view.assume(pod, on: node)
        placed.append(.string("\(pod.object.name) to \(node)"))
      case .unschedulable(let message, _): placed.append(.string("\(pod.object.name): \(message)"))
      }
    }
    if getenv("REWRITE") != nil {
      var kept: [Substring] = text.split(separator: "\n", omittingEmptySubsequences: false)
      if let out: Int = kept.firstIndex(where: { $0.hasPrefix("out:") }) { kept.removeSubrange(out...) }
      while kept.last?.isEmpty == true { kept.removeLast() }
      try write(path, kept.joined(separator: "\n") + "\nout:\n" + placed.map { "  - \($0.serialized().text)\n" }.joined())
      return
    }
    #expect(placed == document["out"].array, "\(file): \(document["about"].string ?? "")")
  }

  @Test func `requests count containers, sidecars and init containers as the kubelet runs them`() throws {
    let pod = KubeObject(
      try YAMLText.parse(
        """
        spec:
          containers: [{resources: {requests: {cpu: 500m, memory: 1Gi}}}, {resources: {requests: {cpu: "1"}}}]
          initContainers:
            - {resources: {requests: {cpu: "4", memory: 64Mi}}}
            - {restartPolicy: Always, resources: {requests: {cpu: 250m, memory: 100Mi}}}
            - {resources: {requests: {memory: 2Gi, example.com/gpu: 1}}}
          overhead: {cpu: 10m}
        """))
    let requests = ResourceAmounts.requests(of: pod)
    #expect(requests.milliCPU == 4010)
    #expect(requests.memory == (2 << 30) + (100 << 20))
    #expect(requests.others == ["example.com/gpu": 1])
  }
}

func files(_ folder: String) -> [String] {
  guard let directory = opendir(folder) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name: String = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name.hasSuffix(".yaml") { names.append(name) }
  }
  return names.sorted()
}

private struct FileTrouble: Error { var path: String }

private func read(_ path: String) throws -> String {
  guard let file = fopen(path, "r") else { throw FileTrouble(path: path) }
  defer { fclose(file) }
  var bytes: Bytes = []
  var part = Bytes(repeating: 0, count: 1 << 16)
  while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part.prefix(count) }
  return bytes.text
}

private func write(_ path: String, _ text: String) throws {
  guard let file = fopen(path, "w") else { throw FileTrouble(path: path) }
  defer { fclose(file) }
  let bytes: Bytes = Array(text.utf8)
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FileTrouble(path: path) }
}
