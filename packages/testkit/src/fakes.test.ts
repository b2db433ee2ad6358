import {
  discoveryContract,
  healthCheckerContract,
  logSinkContract,
  runtimeContract,
} from './contracts/index.js'
import {
  fakeDiscoverySetup,
  fakeHealthCheckerSetup,
  fakeLogSinkSetup,
  fakeRuntimeSetup,
} from './fakes/fake-setups.js'
import { FakeHealthChecker } from './fakes/fake-health-checker.js'
import { InMemoryDiscovery } from './fakes/in-memory-discovery.js'
import { InMemoryLogSink } from './fakes/in-memory-log-sink.js'
import { InMemoryRuntime } from './fakes/in-memory-runtime.js'

runtimeContract(
  'InMemoryRuntime',
  fakeRuntimeSetup((before) => new InMemoryRuntime(before)),
)

healthCheckerContract(
  'FakeHealthChecker',
  fakeHealthCheckerSetup(() => new FakeHealthChecker()),
)

logSinkContract(
  'InMemoryLogSink',
  fakeLogSinkSetup((before) => new InMemoryLogSink(before)),
)

discoveryContract(
  'InMemoryDiscovery',
  fakeDiscoverySetup((candidates) => new InMemoryDiscovery(candidates)),
)
