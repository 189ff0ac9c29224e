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
    "Whether a node of the center is ready and not fenced, and one of its hosts has answered a probe of the active center's within the activation lease.
    F phase string
    "One word for people: Active, Standby, Unreachable, Recovering.
    F lastHeard meta.v1.MicroTime
    "When a node of it was seen ready, or a host of it answered a probe, last; told every ten seconds.
    F source string
    "Who says so: HOST of CENTER.
    F readiness federation.v1.Readiness
    "What the rules of readiness found, at least every 30 s while a center is active.
    F nodesReady int32
    "Nodes of the center whose Ready condition is true and that are not fenced.
    F nodesTotal int32
    "Nodes of the center.
    F activeFor []string list=set
    "Clusters whose active center this is.
    T federation.v1.Readiness
    "Readiness is what the rules found in a center, for its taking over.
    F ready boolean
    "Whether nothing that blocks was found.
    F evaluatedAt meta.v1.MicroTime
    "When the rules were evaluated.
    F source string
    "Who evaluated them: HOST of CENTER.
    F rules int32
    "How many rules were evaluated.
    F findings []federation.v1.Finding list=atomic
    "What they found.
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
    "ClusterSpec says where a cluster may run and who decides. It is made from the site file; zone, centers, serviceCIDR and the policy's lease, renewal and grace are changed there. Everything else is changed here and counts at once.
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
    "Centers that may take over without a decision by a person; not named: none. One whose role is remote-dr never does.
    F leaseMilliseconds int64
    "Length of the activation lease in milliseconds. Without a renewal for this long the active center fences itself.
    F renewMilliseconds int64
    "How often the active center renews the lease, in milliseconds.
    F graceMilliseconds int64
    "How much sooner than its lease ends the active center stops, for clocks that run at different rates. Another center waits for the whole lease.
    F failback string enum=Manual
    "How the cluster goes home once its first center is back: by a planned Failover that a person makes.
    F silenceMilliseconds int64
    "How long the active center must have been silent before another takes over by itself, in milliseconds; the lease if that is longer. A move that a person asks for waits for the lease only.
    F minimumIntervalSeconds int64
    "Seconds after an automatic takeover before the next one, 600 if not said; doubled with every further one that no person's move came between, a day at most. 0: none are kept.
    F requireApproval federation.v1.ApprovalPolicy
    "Which moves wait until other people have approved them.
    T federation.v1.ApprovalPolicy
    "ApprovalPolicy says which moves wait for approvals. A move waits if its verb or its target is named.
    F verbs []string list=set
    "Verbs that need approvals: planned, switchover, failover, failback, reprotect, evacuate; automatic: what the federation would otherwise do by itself.
    F targets []string list=set
    "Centers to which every move needs approvals.
    F count int32
    "How many people must approve, 1 if not said. Whoever asked for the move does not count.
    F approvers []string list=set
    "Whose approvals count, by user name; nobody named: everybody's who may change the Failover.
    T federation.v1.ClusterStatus
    "ClusterStatus is where a cluster is active, as the activation lease has it.
    F activation federation.v1.Activation
    "The activation in force.
    F phase string
    "One word for people: Active.
    F history []federation.v1.Activation list=atomic
    "Earlier activations, latest first, ten at most.
    F namespaces []federation.v1.PlacedNamespace list=map:name patch=merge:name
    "Namespaces whose exclusive pods run elsewhere than the rest, or are being moved.
    F observedGeneration int64
    "Generation of the spec that this status speaks of.
    T federation.v1.PlacedNamespace
    "PlacedNamespace is a namespace that was evacuated.
    F name string !
    "Its name.
    F center string !
    "Where its exclusive pods run; while it is being moved, where they ran.
    F movingTo string
    "The center that has it next, once everybody has stopped where it was.
    F failover string
    "Name of the Failover that moved it.
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
    "FailoverSpec cannot be changed once it is written, but for its approvals.
    F cluster string !
    "The cluster to move.
    F from string
    "The center that is active now. A failover whose from is not the active center any more is refused.
    F to string !
    "The center to move to; for reprotect, the one to make a full standby.
    F reason string
    "Why, for the record.
    F kind string ! enum=planned|switchover|failover|failback|reprotect|evacuate|unplanned
    "What is asked for. switchover: the active center gives way while all is well. failover: after a loss, the active center being silent. failback: a switchover home, once the first center of the order is a full standby again. reprotect: nothing moves, a center that came back becomes a full standby. evacuate: the exclusive pods of one namespace move, and the rest of the cluster stays; with the active center as its target they come home. planned, the default: a move that waits for what stands against it instead of being refused, from a dead center too. unplanned is what the federation records when it took over by itself.
    F epoch int64
    "The epoch that the decision was made under. It is refused under any other.
    F namespace string
    "The namespace that evacuate moves.
    F drill string
    "Name of the Drill that asks for it. While a Drill runs, other moves wait for its end.
    F dryRun boolean
    "True: nothing is done. The answer is everything that would stand against it, in status.blocking.
    F accept []string list=set
    "Rules of readiness whose findings are accepted by whoever asks: they block nothing. What only warns needs no acceptance, and of capacity, quorum, gates and serving none is taken.
    F approvals []federation.v1.Approval list=map:user patch=merge:user
    "Who approves. Everybody adds themselves; the API server sets user and time.
    F requestedBy string
    "Who asked: a user's name, set by the API server, or federation/CENTER.
    T federation.v1.Approval
    "Approval is one person's word for a move.
    F user string !
    "Who approves.
    F time meta.v1.MicroTime
    "When.
    F comment string
    "What they say to it.
    T federation.v1.FailoverStatus
    "FailoverStatus is the progress of a failover.
    F phase string enum=Pending|Activating|Completed|Failed|Refused
    "Where the failover stands.
    F acceptedEpoch int64
    "Epoch under which it was accepted. It is carried out under this one only: once another activation is in force, it is refused.
    F startedAt meta.v1.MicroTime
    "When the target took over, or reprotection began.
    F finishedAt meta.v1.MicroTime
    "When the failover was completed, failed, refused or answered.
    F epoch int64
    "Epoch of the activation that it wrote.
    F from string
    "The center that was active.
    F to string
    "The center that is active now.
    F message string
    "What happened, in a sentence.
    F blocking []federation.v1.Finding list=atomic
    "Everything that stands against it, in every center.
    F conditions []meta.v1.Condition list=map:type patch=merge:type
    "Conditions: Approved, Accepted, Queued, Activated, Completed.
    F history []federation.v1.TimelineEntry list=atomic
    "What happened when, fifty entries at most.
    T federation.v1.Finding
    "Finding is what a rule has found: on which object, what was measured, what the limit is and what to do.
    F rule string !
    "Name of the rule.
    F weight string enum=blocking|warning
    "blocking holds moves back, warning does not.
    F center string
    "The center that it is about; none: the cluster as a whole.
    F object string
    "KIND/NAME of what was looked at.
    F measured string
    "What was found.
    F limit string
    "What should have been found.
    F cure string
    "What to do.
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
    T federation.v1.Decision gvk=federation.tricenter.io/v1/Decision
    "Decision is one entry of the audit trail: what a federation daemon decided, and by what. Nobody changes one; the oldest go once there are more than a thousand.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is Decision.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata.
    F spec federation.v1.DecisionSpec
    "What was decided.
    T federation.v1.DecisionSpec
    "DecisionSpec is a decision with its inputs.
    F cluster string !
    "The cluster that it is about.
    F decision string !
    "What was decided: Accepted, Refused, Queued, AwaitsApproval, Answered, Failed, TookOver, GaveWay, Released, HeldBack, Resumed, Restored, Recovered.
    F time meta.v1.MicroTime !
    "When.
    F verb string
    "The verb that it is about: a Failover's kind, or automatic.
    F failover string
    "The Failover that it is about.
    F requestedBy string
    "Who asked.
    F center string
    "Where it was decided.
    F host string
    "On which host.
    F reason string
    "Why, in a sentence.
    F inputs federation.v1.DecisionInputs
    "By what it was decided.
    T federation.v1.DecisionInputs
    "DecisionInputs is what a daemon knew when it decided.
    F active string
    "The active center of the activation in force.
    F epoch int64
    "Its epoch.
    F activationVersion string
    "resourceVersion of the activation.
    F silentMilliseconds int64
    "How long no renewal of it had been seen, on this host's monotonic clock.
    F findings []federation.v1.Finding list=atomic
    "What the rules found.
    F votes []federation.v1.Vote list=atomic
    "What every vantage said of the active center.
    T federation.v1.Vote
    "Vote is what one vantage says of the active center.
    F vantage string !
    "store, the name of a center, or the name of a vantage on the branch side.
    F says string ! enum=serving|silent|unknown
    "serving: somebody there answered as the active center. silent: nobody did for long enough. unknown: no word, or one that is too old.
    F ageMilliseconds int64
    "How old the word is.
    F detail string
    "What was seen, in words.
    T federation.v1.Vantage gvk=federation.tricenter.io/v1/Vantage
    "Vantage is what one host, or a probe on the branch side, sees of the centers, and what a host tells of itself. Whoever reads it counts its age from when it was received: wall clocks decide nothing.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is Vantage.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata. The name is the host's.
    F spec federation.v1.VantageSpec
    "The newest report, as a Lease has its renewal.
    T federation.v1.VantageSpec
    "VantageSpec is a report.
    F cluster string !
    "The cluster that it looks at.
    F kind string ! enum=host|branch
    "host: the federation daemon of a host. branch: a probe of the data path from where the clients are (tricenter vantage).
    F center string
    "The host's center.
    F observedAt meta.v1.MicroTime !
    "When, by the host's wall clock.
    F intervalMilliseconds int64 !
    "How often it reports when nothing changes. One that is three times as old is no word any more.
    F sees []federation.v1.Sight list=map:center patch=merge:center
    "What it sees of every center but its own.
    F certificates []federation.v1.CertificateLife list=map:name patch=merge:name
    "Certificates of the host's daemons.
    F dns federation.v1.DNSAnswer
    "Whether the host's name server answers.
    F store federation.v1.StoreView
    "What the host's store member knows of the others.
    T federation.v1.Sight
    "Sight is what is seen of one center.
    F center string !
    "The center.
    F reachable boolean !
    "Whether one of its hosts has answered lately, whatever it said.
    F serving boolean !
    "Whether one of its hosts has lately said that the cluster is active there; from the branch: whether a request was served there.
    F since meta.v1.MicroTime
    "When that changed last.
    F detail string
    "What the last probe of each host said.
    T federation.v1.CertificateLife
    "CertificateLife is how long a certificate is good for.
    F name string !
    "The daemon that it belongs to.
    F notAfter meta.v1.Time !
    "Its end.
    T federation.v1.DNSAnswer
    "DNSAnswer is what the host's name server said when it was asked for the kubernetes Service.
    F answered boolean !
    "Whether it answered with an address.
    F detail string
    "What it said.
    T federation.v1.StoreView
    "StoreView is the store as one member knows it.
    F role string
    "leader, follower, learner, candidate.
    F leader string
    "Host of the leader; none: it knows of none.
    F revision int64
    "Its revision.
    F members []federation.v1.StoreMemberView list=map:name patch=merge:name
    "All members.
    F shrunk []string list=set
    "Centers whose votes were taken.
    T federation.v1.StoreMemberView
    "StoreMemberView is one member as the leader knows it.
    F name string !
    "Its host.
    F center string
    "Its center.
    F voter boolean
    "Whether it votes.
    F lagEntries int64
    "Entries that it is behind the leader.
    F lagMilliseconds int64
    "How long it has been behind.
    F silentMilliseconds int64
    "Since the leader heard it last.
    T federation.v1.Gate gvk=federation.tricenter.io/v1/Gate
    "Gate is a switch kept in the quorum: while it is closed, the moves that it names are held back, the federation's own as well. Whoever breaks the glass opens it.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is Gate.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata.
    F spec federation.v1.GateSpec
    "What it holds back.
    T federation.v1.GateSpec
    "GateSpec says what a gate holds back.
    F cluster string !
    "The cluster whose moves it is about.
    F closed boolean
    "Whether it holds back.
    F verbs []string list=set
    "The verbs that it is about: planned, switchover, failover, failback, reprotect, automatic; none: all of them.
    F targets []string list=set
    "The centers that it is about; none: all of them.
    F reason string
    "Why it is closed.
    F changedBy string
    "Who changed it last, set by the API server.
    """#
}
