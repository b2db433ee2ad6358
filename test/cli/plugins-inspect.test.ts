import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { definition, installPackages } from '../harness/plugin-packages.js'
import { homeOfEachTest } from './run-cli.js'

const home = homeOfEachTest()
const { cli } = home

test('inspect shows the keys of a plugin, by its name in all kinds or by its package', async () => {
  installPackages(home.path, [
    {
      name: 'pair',
      files: {
        'index.js': `export default [${definition('log-sink', 'tcp')}, ${definition('discovery', 'own')}]`,
      },
    },
  ])
  writeFileSync(home.inHome('daemon.yaml'), 'plugins: [pair]\n')
  const tcp = await cli('plugins', 'inspect', 'tcp')
  expect(tcp).toMatchObject({ status: 0, stderr: '' })
  expect(tcp.stdout).toMatch(
    /^health-checker tcp {2}of @p2p-playground\/health-basic \S+ {2}plugin API 1\.0$/m,
  )
  expect(tcp.stdout).toMatch(/^config in daemon\.yaml: no keys$/m)
  expect(tcp.stdout).toMatch(/^address +string +HOST:PORT of this machine\.$/m)
  expect(tcp.stdout).toMatch(/^log-sink tcp {2}of pair 1\.0\.0 {2}plugin API 1\.0$/m)
  expect(tcp.stdout).toMatch(/^config in daemon\.yaml: this schema cannot be shown$/m)
  const json = await cli('plugins', 'inspect', '@p2p-playground/health-http', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject([
    {
      kind: 'health-checker',
      name: 'http',
      config: { type: 'object', properties: {} },
      spec: {
        properties: { method: { enum: ['GET', 'HEAD', 'POST'], default: 'GET' } },
        required: ['endpoint'],
      },
    },
  ])
  const none = await cli('plugins', 'inspect', 'htp')
  expect(none.stderr).toMatch(/^Error PLUGIN_NOT_FOUND: .*"htp"\nDid you mean "http"\?$/m)
  expect(none.status).toBe(2)
  const bare = await cli('plugins', 'inspect', 'health-http')
  expect(bare.stderr).toMatch(/\nDid you mean "@p2p-playground\/health-http"\?$/m)
})

test('inspect of a package that cannot be imported says why', async () => {
  installPackages(home.path, [{ name: 'lost', files: {} }])
  const { status, stderr } = await cli('plugins', 'inspect', 'lost')
  expect(stderr).toMatch(
    /^Error PLUGIN_IMPORT: lost 1\.0\.0 cannot be imported: its main file \.\/index\.js is not there/,
  )
  expect(status).toBe(2)
})
