// A small web server: answers on its port, tells its health, and writes a line a second.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	greeting, node := os.Getenv("GREETING"), os.Getenv("P2P_PLAYGROUND_NODE")
	var served atomic.Int64

	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		fmt.Fprintf(w, "%s from %s, version %s\n", greeting, node, os.Getenv("P2P_PLAYGROUND_VERSION"))
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: mux}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		fmt.Printf("listening on port %s\n", os.Getenv("PORT"))
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()

	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Printf("%s from %s: %d requests so far\n", greeting, node, served.Load())
		case <-stop.Done():
			fmt.Println("stopping")
			// In-flight answers get a moment; after ten seconds the node would kill us.
			limit, done := context.WithTimeout(context.Background(), 5*time.Second)
			defer done()
			if err := server.Shutdown(limit); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			return
		}
	}
}
