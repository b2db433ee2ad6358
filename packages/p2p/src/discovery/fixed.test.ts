import { discoveryContract } from '@p2p-playground/testkit/contracts'
import { fixedDiscovery } from './fixed.js'

const peers = [
  '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5',
  '12D3KooWLbLsVCdK3WAYdAfKPpgKPQXfMEEwqgHmbQZDRBmvjKRc',
]

discoveryContract('fixed', {
  create: () =>
    fixedDiscovery(
      'static',
      peers.map((peer, index) => `/ip4/192.0.2.${String(index + 1)}/tcp/4001/p2p/${peer}`),
    ),
  expected: peers,
})
