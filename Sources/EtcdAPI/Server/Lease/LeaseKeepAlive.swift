import HTTP
import Keyspace
import NIOCore
import Primitives

/// A stream of lease ids in, of their times to live out, in the same order. A lease that is gone answers TTL 0.
final class LeaseKeepAliveStream: GRPCCallHandler {
  static let path: String = "/etcdserverpb.Lease/LeaseKeepAlive"
  private let service: EtcdService
  private let tally: StreamTally
  private var waiting: CircularBuffer<Int64> = CircularBuffer()
  private var task: Task<Void, Never>?
  private var halfClosed: Bool = false

  init(_ service: EtcdService, _ tally: StreamTally) {
    self.service = service
    self.tally = tally
  }

  func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
    tally.received(bytes: message.readableBytes)
    do {
      waiting.append(try LeaseID.decode(ProtobufReader(message)))
    } catch {
      return tally.finish(call, EtcdError.status(error))
    }
    if waiting.count == EtcdLimits.waitingKeepAlives { call.pauseReading() }
    renewNext(call)
  }

  private func renewNext(_ call: GRPCCall) {
    guard task == nil else { return }
    guard let id: Int64 = waiting.popFirst() else {
      if halfClosed { tally.finish(call) }
      return
    }
    if waiting.count == EtcdLimits.waitingKeepAlives / 2 { call.resumeReading() }
    let (store, loop): (any KeyValueStore, any EventLoop) = (service.store, call.eventLoop)
    let bound = NIOLoopBound((self, call), eventLoop: loop)
    task = Task {
      let result: Result<Int64, any Error>
      do { result = .success(try await store.keepLeaseAlive(id: id)) } catch { result = .failure(error) }
      loop.execute { bound.value.0.renewed(id, result, bound.value.1) }
    }
  }

  private func renewed(_ id: Int64, _ result: Result<Int64, any Error>, _ call: GRPCCall) {
    task = nil
    switch result {
    case .success(let ttl):
      let bytes: Int = call.send { writer in
        service.header().encode(&writer)
        writer.int64(2, id)
        writer.int64(3, ttl)
      }
      tally.sent(bytes: bytes)
      renewNext(call)
    case .failure(let error): tally.finish(call, EtcdError.status(error))
    }
  }

  func onHalfClose(_ call: GRPCCall) {
    halfClosed = true
    if task == nil, waiting.isEmpty { tally.finish(call) }
  }

  func onCancel() {
    tally.ended(.cancelled)
    waiting.removeAll()
    task?.cancel()
  }
}
