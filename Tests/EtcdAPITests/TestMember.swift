import Glibc
import HTTP
import NIOCore
import NIOPosix
import Observability
import Primitives
import Store
import Testing

@testable import EtcdAPI

/// A real member alone, with a journal on disk; listener and member on one event loop.
func withMember<Result>(
  _ name: HostName = "prod-1", options: EtcdOptions = EtcdOptions(), _ body: (EtcdStore, Store, Int) async throws -> Result
) async throws {
  let folder: String = "/tmp/tricenter-etcd-member-\(getpid())-\(UInt64.random(in: 0 ... .max))"
  mkdir(folder, 0o700)
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let loop: any EventLoop = group.next()
  let id = MemberID(0xABC_DEF0_1234)
  let store = try Store(
    single: StoreConfiguration(
      memberID: id, clusterID: 0x3C,
      members: [StoreMember(id: id, name: name, center: "production", clientURL: "https://127.0.0.1:2379")],
      directory: folder + "/member"), eventLoop: loop, logger: quiet("store"))
  try await store.start()
  let server = EtcdServer(
    HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), group: loop, logger: quiet("etcd"), grace: .milliseconds(50)),
    store: store, options: options, metrics: PrometheusRegistry())
  try await server.start()
  let port: Int = try #require(server.port)
  let http = HTTPClient(patient(port: port))
  do { _ = try await body(EtcdStore(http, secure: false, timeout: .seconds(60)), store, port) } catch { Issue.record(error) }
  http.close()
  await server.shutdown()
  await store.stop()
  try await group.shutdownGracefully()
  remove(folder)
}

private func remove(_ folder: String) {
  if let directory = opendir(folder) {
    while let entry = readdir(directory) {
      let name: String = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name == "." || name == ".." { continue }
      let path: String = folder + "/" + name
      if unlink(path) != 0 { remove(path) }
    }
    closedir(directory)
  }
  rmdir(folder)
}
