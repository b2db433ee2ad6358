export const ROLES = ['publish', 'operate', 'observe'] as const

/** publish: sign packages. operate: deploy, start, stop, remove, roll back. observe: read state, logs and events. */
export type Role = (typeof ROLES)[number]
