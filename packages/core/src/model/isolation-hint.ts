/** What to do about RUNTIME_SANDBOX and RUNTIME_USER, whoever finds it out: the daemon beforehand, or a runtime at the start. */
export const ISOLATION_HINT = {
  sandbox: 'Install bubblewrap, or set runtime.sandbox to "auto" in daemon.yaml.',
  user: 'Mend that and start the daemon again, or leave out runtime.user in daemon.yaml.',
} as const
