import HTTP

/// Messages about sandboxes, `runtime.v1`. Field numbers: kubernetes/cri-api `pkg/apis/runtime/v1/api.proto`.
extension SandboxConfiguration {
  /// `PodSandboxConfig`.
  func write(to writer: inout ProtobufWriter) {
    writer.message(1) { metadata in
      metadata.string(1, name)
      metadata.string(2, uid)
      metadata.string(3, namespace)
      metadata.uint32(4, attempt)
    }
    writer.string(2, hostname)
    writer.string(3, logDirectory)
    writer.message(4) { dns in
      dns.strings(1, self.dns.servers)
      dns.strings(2, self.dns.searches)
      dns.strings(3, self.dns.options)
    }
    for port in hostPorts {
      writer.message(5) { mapping in
        // Protocol: TCP 0, UDP 1, SCTP 2.
        mapping.uint32(1, port.transport == .tcp ? 0 : port.transport == .udp ? 1 : 2)
        mapping.int32(2, port.containerPort)
        mapping.int32(3, port.hostPort)
        mapping.string(4, port.hostAddress)
      }
    }
    writer.map(6, labels)
    writer.map(7, annotations)
    writer.message(8) { linux in
      linux.string(1, cgroupParent)
      linux.message(2) { writeSecurity(to: &$0) }
      linux.map(3, sysctls)
    }
  }

  /// `LinuxSandboxSecurityContext`.
  private func writeSecurity(to writer: inout ProtobufWriter) {
    writer.message(1) { writeNamespaces(to: &$0) }
    if let runAsUser { writer.message(3) { $0.int64(1, runAsUser) } }
    if let runAsGroup, runAsUser != nil { writer.message(8) { $0.int64(1, runAsGroup) } }
    writer.packed(5, supplementalGroups.map { UInt64(bitPattern: $0) })
    writer.bool(6, privileged)
  }

  /// `NamespaceOption`: POD 0, CONTAINER 1, NODE 2. Processes are a container's own unless the pod shares them.
  func writeNamespaces(to writer: inout ProtobufWriter) {
    writer.uint32(1, hostNetwork ? 2 : 0)
    writer.uint32(2, hostPID ? 2 : sharesProcesses ? 0 : 1)
    writer.uint32(3, hostIPC ? 2 : 0)
  }
}

extension SandboxObservation {
  /// `PodSandboxStatus` (network in field 5) and `PodSandbox` (a list's element; labels in 5): they agree in fields 1 to 4.
  init(cri reader: ProtobufReader, isListElement: Bool) throws {
    var reader: ProtobufReader = reader
    self.init(id: "", podUID: "", namespace: "", name: "", attempt: 0, ready: true)
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1: id = try reader.string(field)
      case 2:
        var metadata: ProtobufReader = try reader.message(field)
        while let part: ProtobufReader.Field = try metadata.next() {
          switch part.number {
          case 1: name = try metadata.string(part)
          case 2: podUID = try metadata.string(part)
          case 3: namespace = try metadata.string(part)
          case 4: attempt = try metadata.uint32(part)
          default: try metadata.skip(part)
          }
        }
      case 3: ready = try reader.uint32(field) == 0
      case 4: createdAt = try reader.int64(field)
      case 5 where !isListElement:
        var network: ProtobufReader = try reader.message(field)
        while let part: ProtobufReader.Field = try network.next() {
          if part.number == 1 { address = try network.string(part) } else { try network.skip(part) }
        }
      // Annotations: 6 in a list's element, 8 in a status.
      case 6 where isListElement, 8 where !isListElement:
        var map: [String: String] = [:]
        try reader.mapEntry(field, into: &map)
        if map[PodLabels.hot] == "true" { hot = true }
        if let digest: String = map[PodLabels.prepared] { prepared = digest }
      default: try reader.skip(field)
      }
    }
  }
}
