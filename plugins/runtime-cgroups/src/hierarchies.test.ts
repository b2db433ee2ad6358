import { describe, expect, it } from 'vitest'
import { parseHierarchies } from './hierarchies.js'

const unified = (root: string): string =>
  `30 23 0:26 ${root} /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate`
const split = (name: string, root = '/'): string =>
  `33 31 0:30 ${root} /sys/fs/cgroup/${name} rw,relatime - cgroup cgroup rw,${name}`

describe('parseHierarchies', () => {
  it('finds the one hierarchy of version 2', () => {
    expect(parseHierarchies(unified('/'), '0::/system.slice/p2p.service\n')).toEqual([
      {
        version: 2,
        controllers: [],
        top: '/sys/fs/cgroup',
        own: '/sys/fs/cgroup/system.slice/p2p.service',
      },
    ])
  })

  it('finds those of version 1, some mounted together, and no other', () => {
    const mounts = ['1 0 0:1 / / rw - ext4 /dev/sda rw', split('cpu,cpuacct'), split('memory')]
    const own = '4:cpu,cpuacct:/a\n3:memory:/b/c\n2:name=systemd:/\n'
    expect(parseHierarchies(mounts.join('\n'), own)).toEqual([
      {
        version: 1,
        controllers: ['cpu', 'cpuacct'],
        top: '/sys/fs/cgroup/cpu,cpuacct',
        own: '/sys/fs/cgroup/cpu,cpuacct/a',
      },
      {
        version: 1,
        controllers: ['memory'],
        top: '/sys/fs/cgroup/memory',
        own: '/sys/fs/cgroup/memory/b/c',
      },
    ])
  })

  it('takes the part of a hierarchy that is mounted for its top', () => {
    const found = parseHierarchies(split('memory', '/docker/x'), '3:memory:/docker/x/inner\n')
    expect(found).toMatchObject([{ own: '/sys/fs/cgroup/memory/inner' }])
  })

  it('knows no own cgroup when it lies outside of what is mounted', () => {
    expect(parseHierarchies(unified('/'), '0::/../other\n')).toMatchObject([{ own: undefined }])
  })

  it('reads spaces in names, and counts a second mount once', () => {
    const line = '33 31 0:30 / /mnt/my\\040cgroups rw - cgroup2 none rw'
    expect(parseHierarchies(`${line}\n${unified('/')}`, '0::/\n')).toMatchObject([
      { top: '/mnt/my cgroups' },
    ])
  })

  it('finds nothing where nothing is mounted', () => {
    expect(parseHierarchies('1 0 0:1 / / rw - ext4 /dev/sda rw', '0::/\n')).toEqual([])
  })
})
