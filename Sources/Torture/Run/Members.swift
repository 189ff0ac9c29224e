import Glibc
import Histories
import Lab
import Primitives
import Processes
import Synchronization
import TLS

/// The five processes: started, killed, frozen, watched from outside. One that ends by itself is started again, as whoever supervises
/// daemons on a host would, and what it said last is kept.
final class Members: Sendable {
  struct Life: Sendable {
    var pid: pid_t?
    /// How often it was started.
    var life: Int = 0
    /// nil: down on purpose.
    var startAt: MonotonicTime? = MonotonicTime(nanoseconds: 0)
    /// What its monotonic clocks show when it is started next.
    var clock: Int?
    /// A signal of ours ends it: no surprise.
    var isExpected: Bool = false
    var diskIsFull: Bool = false
    /// A full disk may end it until here.
    var forgivenUntil = MonotonicTime(nanoseconds: 0)
    var endedByItself: Int = 0
  }
  private struct State: Sendable {
    var lives: [Life] = TortureLayout.members.map { _ in Life() }
    var problems: [String] = []
  }

  private let state: Mutex<State> = Mutex(State())
  private let ground: any Ground
  private let program: String
  private let options: [String]
  private let clock = SystemClock()

  /// A small log and often a snapshot, so that members that were away need one.
  static let tortureOptions: [String] = ["--snapshot-count", "2000", "--log-level", "warn"]

  /// `options`: flags of the members beside what makes them a cluster.
  init(ground: any Ground, program: String, options: [String] = Members.tortureOptions) {
    self.ground = ground
    self.program = program
    self.options = options
  }

  func life(_ member: Int) -> Int { state.withLock { $0.lives[member].life } }
  func pid(_ member: Int) -> pid_t? { state.withLock { $0.lives[member].pid } }
  func isUp(_ member: Int) -> Bool { state.withLock { $0.lives[member].pid != nil } }
  var problems: [String] { state.withLock { $0.problems } }
  var endedByThemselves: Int { state.withLock { $0.lives.reduce(0) { $0 + $1.endedByItself } } }

  /// etcd's flags: what the members are started with.
  private func command(_ member: Int) -> [String] {
    let (name, center): (String, Int) = TortureLayout.members[member]
    let pki = FederationPKI(directory: ground.lab.directory.pki)
    let files = pki.files(center: CenterName(TortureLayout.centers[center]), host: HostName(name), daemon: .store)
    func url(_ address: (host: String, port: Int)) -> String { "https://\(address.host):\(address.port)" }
    let cluster: [String] = TortureLayout.members.enumerated().map { "\($0.element.name)=\(url(ground.peerAddress($0.offset)))" }
    return [
      program, "store", "--name", name, "--site", ground.lab.directory.siteFile, "--data-dir", ground.dataFolder(member),
      "--listen-client-urls", url(ground.clientAddress(member)), "--advertise-client-urls", url(ground.clientAddress(member)),
      "--listen-peer-urls", url(ground.peerListener(member)), "--initial-advertise-peer-urls", url(ground.peerAddress(member)),
      "--initial-cluster", cluster.joined(separator: ","), "--initial-cluster-token", "torture", "--initial-cluster-state", "new",
      "--cert-file", files.certificate, "--key-file", files.key, "--trusted-ca-file", pki.authorityCertificate,
      "--client-cert-auth", "--peer-cert-file", files.certificate, "--peer-key-file", files.key, "--peer-trusted-ca-file",
      pki.authorityCertificate, "--peer-client-cert-auth",
    ] + options
  }

  private func log(_ member: Int) -> String { ground.lab.directory.log(TortureLayout.members[member].name) }

  /// Reaps what ended and starts what is due; called all the time.
  func look() {
    let now: MonotonicTime = clock.now()
    for member in TortureLayout.members.indices {
      state.withLock { state in
        if let pid: pid_t = state.lives[member].pid {
          var status: Int32 = 0
          if waitpid(pid, &status, WNOHANG) == pid { onEnd(member, pid, status, now, &state) }
        }
        guard state.lives[member].pid == nil, let at: MonotonicTime = state.lives[member].startAt, at <= now else { return }
        do {
          let words: [String] = ground.onHost(member, clock: state.lives[member].clock, command(member))
          let pid: pid_t = try startDetached(words, log: log(member))
          state.lives[member].pid = pid
          state.lives[member].life += 1
          state.lives[member].isExpected = false
          ground.noteProcess(member, pid)
        } catch {
          state.lives[member].startAt = now + .seconds(1)
          Self.note("\(TortureLayout.members[member].name) cannot be started: \(error)", &state)
        }
      }
    }
  }

  private func onEnd(_ member: Int, _ pid: pid_t, _ status: Int32, _ now: MonotonicTime, _ state: inout State) {
    // What the program in front of it left over goes as well.
    Glibc.kill(-pid, SIGKILL)
    state.lives[member].pid = nil
    ground.noteProcess(member, nil)
    guard !state.lives[member].isExpected else { return }
    state.lives[member].endedByItself += 1
    state.lives[member].startAt = now + .milliseconds(300)
    let signal: Int32 = status & 0x7F
    let mayEnd: Bool = signal == 0 && (state.lives[member].diskIsFull || now < state.lives[member].forgivenUntil)
    guard !mayEnd else { return }
    let how: String = signal == 0 ? "with status \((status >> 8) & 0xFF)" : "by signal \(signal)"
    let said: String = (LabDirectory.read(log(member)) ?? "").split(separator: "\n").suffix(3).joined(separator: " | ")
    Self.note("\(TortureLayout.members[member].name) ended by itself \(how): \(said.suffix(600))", &state)
  }

  private static func note(_ sentence: String, _ state: inout State) {
    if state.problems.count < TortureLimits.problems { state.problems.append(sentence) }
  }

  /// SIGKILL, all at one instant; they stay down until `start`. Returns how many were there to be killed.
  @discardableResult
  func kill(_ members: [Int]) -> Int {
    state.withLock { state in
      var killed: Int = 0
      for member in members {
        state.lives[member].startAt = nil
        state.lives[member].isExpected = true
        if let pid: pid_t = state.lives[member].pid, Glibc.kill(-pid, SIGKILL) == 0 { killed += 1 }
      }
      return killed
    }
  }

  /// `clock`: what their monotonic clocks show from now on; nil: as this machine's.
  func start(_ members: [Int], clock: Int? = nil) {
    let now: MonotonicTime = self.clock.now()
    state.withLock { state in
      for member in members where state.lives[member].startAt == nil {
        state.lives[member].startAt = now
        state.lives[member].clock = clock
      }
    }
  }

  /// Returns how many were there to be frozen.
  func freeze(_ members: [Int]) -> Int { signal(members, SIGSTOP) }
  func thaw(_ members: [Int]) { _ = signal(members, SIGCONT) }

  private func signal(_ members: [Int], _ signal: Int32) -> Int {
    state.withLock { state in
      members.count { member in state.lives[member].pid.map { Glibc.kill(-$0, signal) == 0 } ?? false }
    }
  }

  /// Whether the member runs with the clocks it was started with by `start(_:clock:)`.
  func hasOwnClock(_ member: Int) -> Bool { pid(member).map { ground.hasOwnClock($0) } ?? false }

  /// A member may end itself while its disk is full, and a moment later.
  func noteDisk(_ member: Int, isFull: Bool) {
    let until: MonotonicTime = clock.now() + .seconds(10)
    state.withLock { state in
      state.lives[member].diskIsFull = isFull
      if !isFull { state.lives[member].forgivenUntil = until }
    }
  }

  /// Ends all for good.
  func endAll() {
    kill(Array(TortureLayout.members.indices))
    for _ in 0..<500 {
      look()
      if TortureLayout.members.indices.allSatisfy({ !isUp($0) }) { return }
      usleep(10_000)
    }
  }
}
