import HTTP

/// Messages about containers, `runtime.v1`. Field numbers: kubernetes/cri-api `pkg/apis/runtime/v1/api.proto`.
extension ContainerConfiguration {
  /// `ContainerConfig`. `sandbox` gives the namespaces that every container of a pod repeats.
  func write(to writer: inout ProtobufWriter, of sandbox: SandboxConfiguration) {
    writer.message(1) { metadata in
      metadata.string(1, name)
      metadata.uint32(2, attempt)
    }
    writer.message(2) { $0.string(1, image) }
    writer.strings(3, command)
    writer.strings(4, arguments)
    writer.string(5, workingDirectory)
    for variable in environment {
      writer.message(6) { entry in
        entry.string(1, variable.name)
        entry.string(2, variable.value)
      }
    }
    for mount in mounts {
      writer.message(7) { entry in
        entry.string(1, mount.containerPath)
        entry.string(2, mount.hostPath)
        entry.bool(3, mount.readOnly)
        entry.uint32(5, UInt32(mount.propagation.rawValue))
      }
    }
    writer.map(9, labels)
    writer.map(10, annotations)
    writer.string(11, logPath)
    writer.bool(12, standardInput)
    writer.bool(13, standardInputOnce)
    writer.bool(14, terminal)
    writer.message(15) { linux in
      linux.message(1) { resources.write(to: &$0) }
      linux.message(2) { security.write(to: &$0, of: sandbox) }
    }
  }
}

extension ContainerResources {
  /// `LinuxContainerResources`.
  func write(to writer: inout ProtobufWriter) {
    writer.int64(1, cpuPeriod)
    writer.int64(2, cpuQuota)
    writer.int64(3, cpuShares)
    writer.int64(4, memoryLimitBytes)
    writer.int64(5, oomScoreAdjustment)
  }
}

extension ContainerSecurity {
  /// Paths of /proc and /sys that containers do not see (OCI runtimes' usual list, which CRI clients must give themselves).
  static let maskedPaths: [String] = [
    "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
    "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
  ]
  static let readOnlyPaths: [String] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

  /// `LinuxContainerSecurityContext`.
  func write(to writer: inout ProtobufWriter, of sandbox: SandboxConfiguration) {
    writer.message(1) { capabilities in
      capabilities.strings(1, addedCapabilities)
      capabilities.strings(2, droppedCapabilities)
    }
    writer.bool(2, privileged)
    writer.message(3) { sandbox.writeNamespaces(to: &$0) }
    if let runAsUser { writer.message(5) { $0.int64(1, runAsUser) } }
    writer.string(6, runAsUser == nil ? runAsUserName : "")
    if let runAsGroup, runAsUser != nil { writer.message(12) { $0.int64(1, runAsGroup) } }
    writer.bool(7, readOnlyRoot)
    writer.packed(8, supplementalGroups.map { UInt64(bitPattern: $0) })
    writer.bool(11, noNewPrivileges && !privileged)
    if !privileged {
      writer.strings(13, Self.maskedPaths)
      writer.strings(14, Self.readOnlyPaths)
    }
    writer.message(15) { seccomp.write(to: &$0) }
    if let appArmor, !privileged { writer.message(16) { appArmor.write(to: &$0) } }
  }
}

extension SecurityProfile {
  /// `SecurityProfile`: RuntimeDefault 0, Unconfined 1, Localhost 2.
  func write(to writer: inout ProtobufWriter) {
    switch self {
    case .runtimeDefault: writer.uint32(1, 0)
    case .unconfined: writer.uint32(1, 1)
    case .localhost(let reference):
      writer.uint32(1, 2)
      writer.string(2, reference)
    }
  }
}

extension ContainerObservation {
  /// `Container`, an element of a list.
  init(criListElement reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    self.init(id: "", sandbox: "", podUID: "", name: "", attempt: 0, state: .created)
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1: id = try reader.string(field)
      case 2: sandbox = try reader.string(field)
      case 3: try readMetadata(try reader.message(field))
      case 4: image = try CRIRead.firstString(try reader.message(field))
      case 5: imageReference = try reader.string(field)
      case 6: state = Self.state(try reader.uint32(field))
      case 7: createdAt = try reader.int64(field)
      case 8: try readLabel(&reader, field)
      case 9: try readAnnotation(&reader, field)
      default: try reader.skip(field)
      }
    }
  }

  /// `ContainerStatus`.
  init(criStatus reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    self.init(id: "", sandbox: "", podUID: "", name: "", attempt: 0, state: .created)
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1: id = try reader.string(field)
      case 2: try readMetadata(try reader.message(field))
      case 3: state = Self.state(try reader.uint32(field))
      case 4: createdAt = try reader.int64(field)
      case 5: startedAt = try reader.int64(field)
      case 6: finishedAt = try reader.int64(field)
      case 7: exitCode = try reader.int32(field)
      case 8: if image.isEmpty { image = try CRIRead.firstString(try reader.message(field)) } else { try reader.skip(field) }
      case 9: imageReference = try reader.string(field)
      case 10: reason = try reader.string(field)
      case 11: message = try reader.string(field)
      case 12: try readLabel(&reader, field)
      case 13: try readAnnotation(&reader, field)
      default: try reader.skip(field)
      }
    }
  }

  private static func state(_ number: UInt32) -> ContainerState {
    switch number {
    case 0: .created
    case 1: .running
    case 2: .exited
    default: .unknown
    }
  }

  private mutating func readMetadata(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1: name = try reader.string(field)
      case 2: attempt = try reader.uint32(field)
      default: try reader.skip(field)
      }
    }
  }
  private mutating func readLabel(_ reader: inout ProtobufReader, _ field: ProtobufReader.Field) throws {
    var map: [String: String] = [:]
    try reader.mapEntry(field, into: &map)
    if let uid: String = map[PodLabels.podUID] { podUID = uid }
  }
  /// The annotation says what the Pod wrote; the runtime may report a digest instead. Annotations come after the image field.
  private mutating func readAnnotation(_ reader: inout ProtobufReader, _ field: ProtobufReader.Field) throws {
    var map: [String: String] = [:]
    try reader.mapEntry(field, into: &map)
    if let written: String = map[PodLabels.image] { image = written }
  }
}
