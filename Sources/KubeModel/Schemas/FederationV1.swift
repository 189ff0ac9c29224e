/// `federation.tricenter.io/v1`: the centers, the clusters that run across them, and what is done to both.
extension SchemaSource {
  static let federationV1: StaticString = #"""
    T federation.v1.Center gvk=federation.tricenter.io/v1/Center
    "Center is one building with a role in the federation: its hosts run one center's share of every cluster. Centers come from the site file; their status is what the active center's daemons know of their nodes.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is Center.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata. The name is the center's name in the site file and the value of the label topology.kubernetes.io/zone on its nodes.
    F spec federation.v1.CenterSpec
    "What the site file says of the center.
    F status federation.v1.CenterStatus
    "What is known of the center now.
    T federation.v1.CenterSpec
    "CenterSpec describes a center as the site file has it.
    F role string ! enum=production|local-dr|remote-dr
    "Role of the center: production runs the workload in normal times; local-dr, in the same city, takes over automatically; remote-dr, in another city, takes over by decision.
    F city string !
    "City the center stands in, the value of the label topology.kubernetes.io/region on its nodes. Centers of one city may fail together.
    F hosts []federation.v1.CenterHost list=map:name patch=merge:name
    "Hosts of the center.
    F voters int32
    "Number of hosts whose store member votes. No single center may hold a majority of the federation's voters.
    F podCIDRs []string list=atomic
    "Address ranges of the pods that run in the center.
    F endpoints []string list=atomic
    "URLs under which the center's API server answers.
    F paused boolean
    "True keeps the federation controller from choosing this center for any activation.
    T federation.v1.CenterHost
    "CenterHost is one machine of a center.
    F name string !
    "Name of the host, of its Node and of its store member.
    F address string
    "Address under which the other hosts reach it.
    F voter boolean
    "Whether its store member votes.
    T federation.v1.CenterStatus
    "CenterStatus is what the active center knows of a center.
    F ready boolean
    "Whether a node of the center is ready and not fenced. The Ready condition follows the kubelet's heartbeats, so that a center which fell silent is not ready after 40 s; the activation does not wait for that.
    F phase string
    "One word for people: Active, Standby, Unreachable, Recovering.
    F lastHeard meta.v1.MicroTime
    "When a node of it was seen ready last, told every ten seconds.
    F nodesReady int32
    "Nodes of the center whose Ready condition is true and that are not fenced.
    F nodesTotal int32
    "Nodes of the center.
    F activeFor []string list=set
    "Clusters whose active center this is.
    T federation.v1.Cluster gvk=federation.tricenter.io/v1/Cluster
    "Cluster is one Kubernetes cluster that runs across centers: one keyspace in the store, active in one center at a time.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is Cluster.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata. The name is part of the cluster's global DNS names.
    F spec federation.v1.ClusterSpec
    "Where the cluster may run and who decides.
    F status federation.v1.ClusterStatus
    "Where the cluster is active.
    T federation.v1.ClusterSpec
    "ClusterSpec says where a cluster may run and who decides. Everything but paused is as the site file had it when the Cluster was made, and is changed there.
    F zone string
    "DNS zone of the cluster's global names: web.shop.CLUSTER.ZONE answers with an address of the active center.
    F centers []string ! list=atomic
    "Centers that it may run in. The first one is where it begins.
    F policy federation.v1.FailoverPolicy
    "Who decides on a failover, and when.
    F serviceCIDR string
    "Address range that the cluster's Services get their addresses from. One for all centers, so that a failover keeps every Service's address.
    F paused boolean
    "True suspends automatic failover of this cluster.
    T federation.v1.FailoverPolicy
    "FailoverPolicy says what happens without a person.
    F automatic []string list=set
    "Centers that may take over without a decision by a person.
    F leaseMilliseconds int64
    "Length of the activation lease in milliseconds. Without a renewal for this long the active center fences itself.
    F renewMilliseconds int64
    "How often the active center renews the lease, in milliseconds.
    F graceMilliseconds int64
    "How much sooner than its lease ends the active center stops, for clocks that run at different rates. Another center waits for the whole lease.
    F failback string enum=Manual
    "How the cluster goes home once its first center is back: by a planned Failover that a person makes.
    F minimumIntervalSeconds int64
    "Seconds between two automatic transitions. Any but 0 is refused: no interval is kept.
    F requireApproval boolean
    "Whether failovers wait for an approval. True is refused: none does.
    T federation.v1.ClusterStatus
    "ClusterStatus is where a cluster is active, as the activation lease has it.
    F activation federation.v1.Activation
    "The activation in force.
    F phase string
    "One word for people: Active.
    F history []federation.v1.Activation list=atomic
    "Earlier activations, latest first, ten at most.
    F observedGeneration int64
    "Generation of the spec that this status speaks of.
    T federation.v1.Activation
    "Activation says which center runs a cluster. Its epoch fences everything that an older activation started.
    F center string !
    "The active center.
    F epoch int64 !
    "Grows by one at every activation.
    F since meta.v1.MicroTime
    "When the activation was written.
    F previous string
    "The center that was active before.
    F reason string
    "Why: Initial, Unplanned, Planned; Resumed when nobody came after the center gave way or the activation record was deleted.
    F failover string
    "Name of the Failover that brought it about.
    T federation.v1.Failover gvk=federation.tricenter.io/v1/Failover
    "Failover moves a cluster from one center to another: asked for by a person, or recorded by the federation controller that did it.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is Failover.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata.
    F spec federation.v1.FailoverSpec
    "What to move, and where.
    F status federation.v1.FailoverStatus
    "How far it is.
    T federation.v1.FailoverSpec
    "FailoverSpec cannot be changed once it is written.
    F cluster string !
    "The cluster to move.
    F from string
    "The center that is active now. A failover whose from is not the active center any more is refused.
    F to string !
    "The center to move to.
    F reason string
    "Why, for the record.
    F kind string ! enum=planned|unplanned
    "planned is what people ask for, and the default: the active center gives way, or its lease runs out. unplanned is what the federation records when it took over by itself.
    F epoch int64
    "The epoch that the decision was made under. It is refused under any other.
    F approved boolean
    "True is refused: no failover waits for an approval.
    F dryRun boolean
    "True is refused: status.blocking of a Failover that waits tells what stands against it.
    F requestedBy string
    "Who asked: a user's name, or federation/CENTER.
    T federation.v1.FailoverStatus
    "FailoverStatus is the progress of a failover.
    F phase string enum=Pending|Activating|Completed|Failed|Refused
    "Where the failover stands.
    F acceptedEpoch int64
    "Epoch under which it was accepted. It is carried out under this one only: once another activation is in force, it is refused.
    F startedAt meta.v1.MicroTime
    "When the target took over.
    F finishedAt meta.v1.MicroTime
    "When the failover was completed, failed or refused.
    F epoch int64
    "Epoch of the activation that it wrote.
    F from string
    "The center that was active.
    F to string
    "The center that is active now.
    F message string
    "What happened, in a sentence.
    F blocking []string list=atomic
    "Everything that stands against the failover while it waits, in sentences.
    T federation.v1.TimelineEntry
    "TimelineEntry is one thing that happened.
    F time meta.v1.MicroTime
    "When.
    F milliseconds number
    "Milliseconds since the start, by a monotonic clock.
    F name string !
    "What: detected, elected, activated, firstWrite, firstRequest.
    F center string
    "Where.
    F message string
    "Details for people.
    T federation.v1.Drill gvk=federation.tricenter.io/v1/Drill
    "Drill is a runbook run on purpose, with faults injected, measured, reported and undone. The object is the record that tricenter drill run keeps of its run: making one starts nothing.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is Drill.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata.
    F spec federation.v1.DrillSpec
    "What to run.
    F status federation.v1.DrillStatus
    "How it goes.
    T federation.v1.DrillSpec
    "DrillSpec says which runbook to run and how.
    F runbook string !
    "Identifier of the runbook.
    F parameters {}string
    "Refused: a runbook's values stand in the runbook.
    F mode string enum=live
    "How far the drill goes.
    F requestedBy string
    "The command that runs it.
    F abort boolean
    "True stops the drill and undoes its faults.
    T federation.v1.DrillStatus
    "DrillStatus is the progress and the outcome of a drill.
    F phase string enum=Pending|Running|Verifying|Restoring|Completed|Aborted
    "Where the drill stands.
    F verdict string enum=passed|failed|inconclusive
    "The outcome, once there is one.
    F reportHash string
    "SHA-256 of the report, hexadecimal.
    F rtoMilliseconds number
    "Milliseconds without service.
    F firstWriteMilliseconds number
    "Milliseconds from the fault to the first write that was acknowledged.
    F lostWrites int64
    "Acknowledged writes that are gone. Zero in a drill that passed.
    F acknowledgedWrites int64
    "Writes that were acknowledged during the drill.
    F failedRequests int64
    "Requests that failed during the drill.
    F startedAt meta.v1.MicroTime
    "When it began.
    F finishedAt meta.v1.MicroTime
    "When it ended.
    F steps []federation.v1.DrillStep list=map:name patch=merge:name
    "State of the runbook's steps.
    F timeline []federation.v1.TimelineEntry list=atomic
    "What happened when.
    F conditions []meta.v1.Condition list=map:type patch=merge:type
    "Conditions: Prepared, FaultsUndone, Completed.
    F message string
    "The outcome in a sentence.
    T federation.v1.DrillStep
    "DrillStep is the state of one step of the runbook.
    F name string !
    "Name of the step.
    F phase string
    "Pending, Running, Completed, Failed, Skipped or Compensated.
    F startedAt meta.v1.MicroTime
    "When it began.
    F finishedAt meta.v1.MicroTime
    "When it ended.
    F message string
    "What it found or did.
    """#
}
