import type { Control } from '@p2p-playground/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FRESH, makeContractWorld } from './contract-world.js'
import type { ContractWorld } from './contract-world.js'
import { all } from './drain.js'
import { followContract } from './follow-contract.js'
import type { World } from './world.js'

/** What every Control does, whatever it speaks through. `setup` makes one that knows the three nodes. */
export function controlContract(
  name: string,
  setup: (behind: ContractWorld) => Promise<Control>,
): void {
  describe(`${name} is a Control`, () => {
    let behind: ContractWorld
    let control: Control

    beforeAll(async () => {
      behind = await makeContractWorld()
      control = await setup(behind)
    })
    afterAll(async () => {
      await behind.world.dispose()
    })

    it('lists nodes by name, the dead ones with a reason', async () => {
      const { items: nodes, failures, answered } = await control.listNodes({}, FRESH())
      expect(nodes.map((one) => [one.name, one.state])).toEqual([
        ['dead', 'down'],
        ['one', 'up'],
        ['two', 'up'],
      ])
      expect({ failures, answered }).toEqual({ failures: [], answered: 2 })
      expect(nodes[0]?.reason).toContain('cannot reach')
      expect(nodes[1]).toMatchObject({
        peerId: behind.one.peerId,
        labels: { env: 'test' },
        reason: '',
      })
      expect(nodes[1]?.latencyMs).toBeGreaterThan(0)
    })

    it.each([
      ['names', { nodes: ['two'] }, ['two']],
      ['labels', { labels: 'env=test' }, ['one']],
      ['labels that differ', { labels: 'env!=test' }, ['two']],
      ['names and labels together', { nodes: ['one', 'two'], labels: 'env=test' }, ['one']],
      ['the same node twice', { nodes: ['one', 'one'] }, ['one']],
    ])('selects by %s', async (_what, target, expected) => {
      const { items } = await control.listNodes(target, FRESH())
      expect(items.map((one) => one.name)).toEqual(expected)
    })

    it('says which nodes it does not list because their labels are not known', async () => {
      const { failures } = await control.listNodes({ labels: 'env=test' }, FRESH())
      const message = 'labels of dead are not known: it does not answer'
      expect(failures).toMatchObject([{ node: 'dead', code: 'NODE_UNREACHABLE', message }])
    })

    it.each([
      ['NODE_NOT_FOUND', { nodes: ['twoo'] }, /twoo/, /Did you mean "two"/],
      ['NODE_NONE', { labels: 'env=prod' }, /env=prod; labels of dead are not known/, /node list/],
      ['USAGE', { labels: '=x' }, /=x/, /key=value/],
    ])('refuses with %s what means no node', async (code, target, message, hint) => {
      const failure = control.listNodes(target, FRESH())
      await expect(failure).rejects.toMatchObject({
        code,
        hint: expect.stringMatching(hint) as string,
      })
      await expect(failure).rejects.toThrow(message)
    })

    it('tells of one node, and why a dead one says nothing', async () => {
      expect(await control.nodeInfo('one', FRESH())).toEqual(behind.one.state.info)
      expect(behind.one.state.samplesAsked).toBe(true)
      await expect(control.nodeInfo('dead', FRESH())).rejects.toMatchObject({
        code: 'NODE_UNREACHABLE',
      })
    })

    it('lists apps of all nodes; a dead node is a failure beside them', async () => {
      const { items, failures, answered } = await control.listApps({ target: {} }, FRESH())
      expect(answered).toBe(2)
      expect(items.map((row) => [row.node, row.app, row.version])).toEqual([
        ['one', 'web', '1.0.0'],
        ['one', 'web', '1.1.0'],
        ['one', 'both', '1.0.0'],
        ['two', 'db', '2.0.0'],
        ['two', 'both', '1.0.0'],
      ])
      expect(failures).toMatchObject([
        { node: 'dead', peerId: behind.dead.peerId, code: 'NODE_UNREACHABLE' },
      ])
    })

    it('lists one app, or one version of it, where it is', async () => {
      const listed = async (...[app, version]: readonly string[]): Promise<readonly string[]> => {
        const { items, failures } = await control.listApps({ app, version, target: {} }, FRESH())
        expect(failures).toMatchObject([{ node: 'dead', code: 'NODE_UNREACHABLE' }])
        return items.map((row) => `${row.node} ${row.app}@${row.version}`)
      }
      expect(await listed('both')).toEqual(['one both@1.0.0', 'two both@1.0.0'])
      expect(await listed('web', '1.1.0')).toEqual(['one web@1.1.0'])
      expect(await listed('db', 'latest')).toEqual(['two db@2.0.0'])
    })

    it.each([
      ['an app', { app: 'none' }, /^there is no app "none"/],
      [
        'a version',
        { app: 'both', version: '9.9.9' },
        /^both has no version 9\.9\.9 on this node$/,
      ],
    ])('says that there is no such thing as %s nowhere', async (_what, query, message) => {
      const target = { nodes: ['one', 'two'] }
      const { items, failures } = await control.listApps({ ...query, target }, FRESH())
      expect(items).toEqual([])
      expect(failures).toMatchObject([
        { node: 'one', code: 'APP_NOT_FOUND', message: expect.stringMatching(message) as string },
        { node: 'two', code: 'APP_NOT_FOUND' },
      ])
    })

    it('asks those that have the app, when no node is named', async () => {
      const target = { labels: 'env!=none' }
      expect(await control.listVersions('web', target, FRESH())).toMatchObject({
        items: [{ node: 'one' }, { node: 'one', sizeBytes: 1234 }],
        failures: [
          {
            node: 'dead',
            code: 'NODE_UNREACHABLE',
            message: 'labels of dead are not known: it does not answer',
          },
        ],
      })
      const named = await control.listVersions('web', { nodes: ['one', 'two'] }, FRESH())
      expect(named.failures).toMatchObject([{ node: 'two', code: 'APP_NOT_FOUND' }])
      const { failures } = await control.listVersions('nope', target, FRESH())
      // The dead one may have it.
      expect(failures.map(({ code }) => code)).toEqual(['NODE_UNREACHABLE'])
    })

    it('describes an app', async () => {
      const { items } = await control.describeApp('db', { nodes: ['two'] }, FRESH())
      expect(items).toMatchObject([
        {
          node: 'two',
          peerId: behind.two.peerId,
          app: 'db',
          manifest: 'name: db',
          signedBy: 'team',
        },
      ])
      expect(items[0]?.usage).toEqual({ cpuMs: 1.5, memoryBytes: 4096, processes: 2 })
    })

    it('changes an app on the nodes that are meant', async () => {
      const command = {
        action: 'stop' as const,
        app: 'web',
        version: '1.0.0',
        target: { nodes: ['one'] },
      }
      const { items, failures } = await control.changeApp(command, FRESH())
      expect(items).toMatchObject([{ node: 'one', version: '1.0.0', state: 'stopped' }])
      expect(failures).toEqual([])
    })

    it('deploys to all nodes; a dead one stops no other', async () => {
      const packagePath = await behind.world.packageFile('fresh', '3.0.0')
      const request = {
        packagePath,
        target: {},
        wait: true,
        timeoutMs: 10_000,
        allowDowngrade: false,
        localCopy: true,
      }
      const seen = await all(control.deploy(request, FRESH()))
      const last = new Map(seen.map((progress) => [progress.node, progress]))
      expect(last.get('one')).toMatchObject({ phase: 'done', state: 'running', failure: null })
      expect(last.get('two')).toMatchObject({ phase: 'done', state: 'running', failure: null })
      expect(last.get('dead')).toMatchObject({
        phase: 'failed',
        failure: { code: 'NODE_UNREACHABLE' },
      })
      const phases = seen.filter(({ node }) => node === 'one').map(({ phase }) => phase)
      expect(phases).toEqual(['offer', 'offer', 'transfer', 'done'])
      expect(seen.every(({ totalBytes }) => totalBytes > 0)).toBe(true)
    })

    it.each([
      ['BUNDLE_NOT_FOUND', async () => Promise.resolve('/nowhere.p2p')],
      ['SIGNATURE_MISSING', async (world: World) => world.packageFile('bare', '1.0.0', false)],
    ])('refuses a package with %s before any node hears of it', async (code, make) => {
      const packagePath = await make(behind.world)
      const heard = behind.one.state.commands.length
      const request = {
        packagePath,
        target: {},
        wait: true,
        timeoutMs: 10_000,
        allowDowngrade: false,
        localCopy: true,
      }
      await expect(all(control.deploy(request, FRESH()))).rejects.toMatchObject({ code })
      expect(behind.one.state.commands).toHaveLength(heard)
    })

    followContract(() => ({ control, behind }))

    it('ends a call that is cancelled', async () => {
      const canceled = AbortSignal.abort(new Error('enough'))
      const failure = { code: 'CANCELED', message: 'enough' }
      await expect(control.listNodes({}, canceled)).rejects.toMatchObject(failure)
      await expect(control.listApps({ target: {} }, canceled)).rejects.toMatchObject(failure)
    })

    it('closes twice', async () => {
      await control.close()
      await expect(control.close()).resolves.toBeUndefined()
    })
  })
}
