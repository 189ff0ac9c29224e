import CLinux
import Glibc
import Logging
import Primitives
import Site

/// The shell around `WideAreaNetwork`: a TUN device, a control socket and the clock, in one thread.
public final class WideAreaDaemon {
  private var network: WideAreaNetwork
  private let device: TunDevice
  private let listener: Int32
  private var connections: [(descriptor: Int32, received: Bytes)] = []
  private let clock = SystemClock()
  private let logger: Logger

  public static let deviceName = "wan0"

  public init(site: Site, directory: LabDirectory, logger: Logger) throws {
    self.logger = logger
    network = WideAreaNetwork(places: LabNetwork.places(site), seed: 0x5EED)
    for link in site.links {
      let one: LinkSetting.Change = .init(delay: link.roundTrip / 2)
      _ = network.change(from: link.between[0].value, to: link.between[1].value, one)
      _ = network.change(from: link.between[1].value, to: link.between[0].value, one)
    }
    device = try TunDevice(name: Self.deviceName)
    listener = try UnixSocket.listen(directory: directory.path, name: LabDirectory.wideAreaSocket)
  }

  /// Runs until the process is ended.
  public func run() -> Never {
    // A packet that is due shall not wait for the end of a busy neighbour's slice of the processor, which is three milliseconds.
    _ = tricenter_request_slice(100_000)
    logger.info("wide-area element is up", metadata: ["places": "\(network.places.joined(separator: ","))"])
    var buffer = Bytes(repeating: 0, count: Limits.packetBytes)
    while true {
      var polls: [pollfd] = [
        pollfd(fd: device.descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
      ]
      polls += connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      wait(&polls)
      if polls[0].revents != 0 { takePackets(&buffer) }
      network.onTime(clock.now()) { packet in
        // A full device queue loses the packet, as a router's would.
        _ = packet.withUnsafeBytes { write(device.descriptor, $0.baseAddress, $0.count) }
      }
      if polls[1].revents != 0 { acceptConnection() }
      for index in polls.indices.dropFirst(2).reversed() where polls[index].revents != 0 { serve(index - 2) }
    }
  }

  /// Until something is readable or a packet is due; ppoll, because poll's milliseconds would be added to every packet.
  private func wait(_ polls: inout [pollfd]) {
    let nanoseconds: Int64 = network.nextDue.map { max(0, ($0 - clock.now()).inNanoseconds) } ?? -1
    _ = tricenter_ppoll(&polls, UInt(polls.count), nanoseconds)
  }

  private func takePackets(_ buffer: inout Bytes) {
    let now: MonotonicTime = clock.now()
    for _ in 0..<Limits.packetsPerTurn {
      let count: Int = read(device.descriptor, &buffer, buffer.count)
      guard count > 0 else { return }
      network.onPacket(Bytes(buffer[..<count]), now: now)
    }
  }

  private func acceptConnection() {
    let descriptor: Int32 = accept(listener, nil, nil)
    guard descriptor >= 0 else { return }
    guard connections.count < Limits.controlConnections else {
      close(descriptor)
      return
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    connections.append((descriptor, []))
  }

  private func serve(_ index: Int) {
    var buffer = Bytes(repeating: 0, count: Limits.controlLineBytes)
    let count: Int = read(connections[index].descriptor, &buffer, buffer.count)
    if count > 0 { connections[index].received += buffer[..<count] }
    if let end: Int = connections[index].received.firstIndex(of: 10) {
      let line: String = Bytes(connections[index].received[..<end]).text
      let answer: Bytes = Bytes(WideAreaControl.answer(line, &network, now: clock.now()))
      if !line.hasPrefix("show") { logger.info("link changed", metadata: ["command": "\(line)"]) }
      _ = answer.withUnsafeBytes { write(connections[index].descriptor, $0.baseAddress, $0.count) }
    } else if count > 0, connections[index].received.count < Limits.controlLineBytes {
      return
    }
    close(connections[index].descriptor)
    connections.remove(at: index)
  }
}
