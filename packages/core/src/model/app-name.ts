/** What an app may be called. */
export const APP_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
