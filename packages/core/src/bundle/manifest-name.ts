/** The file at the root of an application that describes it. */
export const MANIFEST_NAME = 'manifest.yaml'
