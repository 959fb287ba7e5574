"""What more than one bench needs: peers, signing, processes."""
