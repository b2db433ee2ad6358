import { buildPieceList, inspectBundle } from '@p2p-playground/core/bundle'
import type { BundleId, PieceList } from '@p2p-playground/core/bundle'

/** What is to be known of a package before it is offered. */
export interface PackageFacts {
  readonly id: BundleId
  readonly signed: boolean
  readonly list: PieceList
}

/** @throws the BUNDLE_ codes */
export async function readPackage(path: string, signal?: AbortSignal): Promise<PackageFacts> {
  const listing = buildPieceList(path, signal)
  // Where both fail, the inspection says better why.
  listing.catch(() => undefined)
  const { id, signed } = await inspectBundle(path, signal === undefined ? {} : { signal })
  return { id, signed, list: await listing }
}
