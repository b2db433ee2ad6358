import { PlaygroundError } from '@p2p-playground/core/errors'

/** What `npm --json` prints when it fails. */
export interface NpmFailure {
  readonly code: string
  readonly summary: string
  readonly detail: string
}

const UNREACHABLE =
  /^(?:ECONN|ENOTFOUND|EAI_AGAIN|E?TIMEDOUT|ETIMEDOUT|ERR_SOCKET|EHOST|ENET|EPIPE|EPROTO|FETCH_|E5\d\d$|E429$|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED)/
const DENIED = /^(?:E401|E403|ENEEDAUTH|EOTP)$/
const NO_RIGHTS = /^(?:EACCES|EPERM|EROFS)$/
const GIT_FAILED = 'An unknown git error occurred'
const DAMAGED = /^(?:TAR_|Z_|EINTEGRITY|EJSONPARSE|EINVALIDPACKAGE)/

/**
 * Says in one line why npm could not do what `subject` (as it was asked for) needed.
 * Codes and texts are npm's own: https://github.com/npm/cli/blob/latest/lib/utils/error-message.js
 */
export function explainNpmFailure(failure: NpmFailure, subject: string): PlaygroundError {
  const { code, summary } = failure
  if (summary === GIT_FAILED) return gitFailed(failure, subject)
  const reason = firstLine(summary)
  if (code === 'E404' || code === 'ETARGET') return notFound(failure, subject)
  if (code === 'ERESOLVE') return contradiction(failure, subject)
  if (UNREACHABLE.test(code)) {
    return new PlaygroundError('PLUGIN_REGISTRY', `the npm registry does not answer: ${reason}`, {
      hint: 'Try again later, name another one with npm_config_registry, or install from a tarball.',
      details: { npm: code },
    })
  }
  if (DENIED.test(code)) {
    return new PlaygroundError('PLUGIN_REGISTRY', `the npm registry refuses: ${reason}`, {
      hint: 'Log in with "npm login", or put the token into ~/.npmrc.',
      details: { npm: code },
    })
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new PlaygroundError('STATE_DISK', `there is no room for ${subject}: ${reason}`, {
      hint: 'Make room and try again; nothing was changed.',
    })
  }
  const hint = NO_RIGHTS.test(code)
    ? 'Install as the user to whom the home belongs.'
    : 'P2P_PLAYGROUND_DEBUG=1 shows all that npm said.'
  const isDamaged = DAMAGED.test(code) || (code === 'ENOENT' && reason.includes('package.json'))
  const what = isDamaged ? `${subject} is no npm package` : `npm cannot install ${subject}`
  return new PlaygroundError('PLUGIN_INSTALL', `${what}: ${reason}`, {
    hint,
    details: { npm: code },
  })
}

/** npm gives the command that failed, and below it what git printed. */
function gitFailed({ code, summary, detail }: NpmFailure, subject: string): PlaygroundError {
  const isMissing = code === 'ENOENT'
  const [, printed = ''] = detail.split(/\r?\n/)
  const reason = isMissing ? 'there is no git' : printed.replace(/^fatal: /, '') || summary
  return new PlaygroundError('PLUGIN_INSTALL', `npm cannot install ${subject}: ${reason}`, {
    hint: isMissing
      ? 'Install git, or install from a tarball.'
      : 'P2P_PLAYGROUND_DEBUG=1 shows all that npm said.',
    details: { npm: code },
  })
}

function notFound({ summary, detail }: NpmFailure, subject: string): PlaygroundError {
  const line = firstLine(summary)
  const spec =
    /'([^']+)' could not be found/.exec(detail)?.[1] ??
    /^No matching version found for (\S+?)\.?$/.exec(line)?.[1] ??
    subject
  const name = nameOf(spec)
  if (name !== nameOf(subject)) {
    const text = `${subject} needs ${spec}, which is not in the registry`
    return new PlaygroundError('PLUGIN_INSTALL', text)
  }
  if (line.startsWith('No match')) {
    const text = `${name} has no version ${spec.slice(name.length + 1)}`
    return new PlaygroundError('PLUGIN_NOT_FOUND', text, {
      hint: `See which there are: npm view ${name} versions`,
    })
  }
  return new PlaygroundError('PLUGIN_NOT_FOUND', `there is no package "${name}" in the registry`, {
    hint: 'Check the name, and "npm config get registry".',
  })
}

/** Peers that do not fit; ours is the version that the package was written for. */
function contradiction({ detail, summary }: NpmFailure, subject: string): PlaygroundError {
  const peer = /^\s*peer (@p2p-playground\/[\w-]+)@"([^"]+)" from (\S+)/m.exec(detail)
  const found = /^Found: @p2p-playground\/[\w-]+@(\S+)/m.exec(detail)?.[1]
  if (peer?.[1] !== undefined && found !== undefined) {
    const text = `${peer[3] ?? subject} needs ${peer[1]} ${peer[2] ?? ''}, this is ${found}`
    return new PlaygroundError('PLUGIN_API', text, {
      hint: 'Install a version of the plugin that fits, or another version of p2p-playground.',
    })
  }
  const text = `what ${subject} and the other plugins need does not fit together: ${firstLine(summary)}`
  return new PlaygroundError('PLUGIN_INSTALL', text, { details: { npm: detail } })
}

function nameOf(spec: string): string {
  const at = spec.indexOf('@', 1)
  return at === -1 ? spec : spec.slice(0, at)
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trim() ?? ''
}
